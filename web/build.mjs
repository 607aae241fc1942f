// Builds dist: one script, one style sheet, a page that names both by their content, an icon, a manifest. `--watch` rebuilds on each change.
//   node build.mjs [FOLDER] [--watch]   FOLDER is dist by default

import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { context } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const [folder = "dist"] = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const out = resolve(folder);
const client = process.env.CLIENT_SOURCE ?? join(here, "../clients/ts/src/index.ts");

async function writePage() {
    let page = await readFile(join(here, "src/index.html"), "utf8");
    for (const name of ["app.js", "app.css", "icon.svg", "manifest.webmanifest"]) {
        const version = createHash("sha256").update(await readFile(join(out, name))).digest("hex").slice(0, 16);
        page = page.replace(`/web/${name}"`, `/web/${name}?v=${version}"`);
    }
    await writeFile(join(out, "index.html"), page);
}

const finish = {
    name: "finish",
    setup: (build) => build.onEnd(async ({ errors }) => {
        if (errors.length === 0) {
            await Promise.all(["icon.svg", "manifest.webmanifest"].map((name) => copyFile(join(here, "src", name), join(out, name))));
            await writePage();
        }
    }),
};

await mkdir(out, { recursive: true });
const build = await context({
    entryPoints: { app: join(here, "src/main.tsx") },
    outdir: out,
    bundle: true,
    format: "esm",
    target: ["es2022"],
    minify: true,
    legalComments: "none",
    charset: "utf8",
    jsx: "automatic",
    jsxImportSource: "preact",
    alias: { "@hongyan/client": client },
    logLevel: "warning",
    plugins: [finish],
});
await build.rebuild();
if (process.argv.includes("--watch")) {
    await build.watch();
} else {
    await build.dispose();
}
