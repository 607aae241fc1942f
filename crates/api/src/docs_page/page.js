// Starts Swagger UI. Refusals that nearly every operation shares are shown once, above the operations.
"use strict";

const DOCUMENT = "../api/openapi.json";

const COMMON = new Set([
    "malformed_json", "missing_field", "invalid_field",
    "missing_token", "invalid_token", "token_expired", "session_ended",
    "request_timeout", "payload_too_large", "unsupported_media_type", "too_many_requests", "internal_error", "unavailable",
]);

function resolve(description, value) {
    const path = value?.$ref?.split("/").slice(1);
    return path ? path.reduce((part, name) => part?.[name.replaceAll("~1", "/")], description) : value;
}

/** The error names of a response with their meanings, from its description. */
function refusals(description, response) {
    const text = resolve(description, response)?.description ?? "";
    return [...text.matchAll(/^- `(\w+)`: (.*)$/gm)].map(([, name, meaning]) => [name, meaning]);
}

function operations(description) {
    return Object.values(description.paths).flatMap((item) => Object.values(item)).filter((operation) => operation?.responses);
}

/** Takes the common refusals out of the operations. Returns those found, by status and name. */
function takeCommon(description) {
    const common = new Map();
    for (const operation of operations(description)) {
        for (const [status, response] of Object.entries(operation.responses)) {
            const found = refusals(description, response);
            for (const [name, meaning] of found.filter(([name]) => COMMON.has(name))) {
                common.set(`${status} ${name}`, meaning);
            }
            if (found.length > 0 && found.every(([name]) => COMMON.has(name))) {
                delete operation.responses[status];
            }
        }
    }
    return common;
}

/** Fills the folded table of common refusals. */
function show(common) {
    const row = (kind, texts) => {
        const line = document.createElement("tr");
        for (const text of texts) {
            line.append(Object.assign(document.createElement(kind), { textContent: text }));
        }
        return line;
    };
    const rows = [...common].sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, meaning]) => {
        const text = meaning.replaceAll("{field}", "…").replaceAll("{rule}", "…");
        return row("td", [...key.split(" "), text]);
    });
    const refusals = document.getElementById("refusals");
    refusals.querySelector("table").append(row("th", ["code", "error", "meaning"]), ...rows);
    refusals.hidden = rows.length === 0;
}

async function start() {
    const answer = await fetch(DOCUMENT);
    const description = await answer.json();
    show(takeCommon(description));
    // It leads here.
    delete description.externalDocs;
    // The token of nearly every call comes first in the dialog.
    const { token, ...others } = description.components.securitySchemes;
    description.components.securitySchemes = { token, ...others };
    window.ui = SwaggerUIBundle({
        spec: description,
        dom_id: "#api",
        presets: [SwaggerUIBundle.presets.apis],
        layout: "BaseLayout",
        deepLinking: true,
        docExpansion: "list",
        defaultModelsExpandDepth: 0,
        defaultModelExpandDepth: 2,
        defaultModelRendering: "example",
        displayRequestDuration: true,
        filter: true,
        persistAuthorization: true,
        tryItOutEnabled: true,
        validatorUrl: null,
    });
}

start().catch((error) => {
    document.getElementById("api").textContent = `The description could not be loaded: ${error.message}`;
});
