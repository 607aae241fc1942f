// Starts Swagger UI. Refusals that nearly every operation shares are shown once, above the operations.
"use strict";

const DOCUMENT = "../api/openapi.json";

const COMMON = new Set([
    "malformed_json", "missing_field", "invalid_field",
    "missing_token", "invalid_token", "token_expired", "session_ended",
    "request_timeout", "payload_too_large", "unsupported_media_type", "too_many_requests", "internal_error", "unavailable",
]);

function resolve(document, value) {
    const path = value?.$ref?.split("/").slice(1);
    return path ? path.reduce((part, name) => part?.[name.replaceAll("~1", "/")], document) : value;
}

/** The error names of a response with their descriptions, from its examples. */
function refusals(document, response) {
    const examples = resolve(document, response)?.content?.["application/json"]?.examples ?? {};
    return Object.entries(examples).map(([name, example]) => [name, resolve(document, example)?.description ?? ""]);
}

function operations(document) {
    return Object.values(document.paths).flatMap((item) => Object.values(item)).filter((operation) => operation?.responses);
}

/** Takes the common refusals out of the operations. Returns those found, by status and name. */
function takeCommon(document) {
    const common = new Map();
    for (const operation of operations(document)) {
        for (const [status, response] of Object.entries(operation.responses)) {
            const found = refusals(document, response);
            for (const [name, description] of found.filter(([name]) => COMMON.has(name))) {
                common.set(`${status} ${name}`, description);
            }
            if (found.length > 0 && found.every(([name]) => COMMON.has(name))) {
                delete operation.responses[status];
            }
        }
    }
    return common;
}

function table(common) {
    const rows = [...common].sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, description]) => {
        const [status, name] = key.split(" ");
        return `| ${status} | \`${name}\` | ${description.replaceAll("{field}", "…").replaceAll("{rule}", "…")} |`;
    });
    return ["", "", "**Refusals of any call**, not repeated below:", "", "| code | error | |", "|---|---|---|", ...rows].join("\n");
}

async function start() {
    const answer = await fetch(DOCUMENT);
    const document = await answer.json();
    document.info.description += table(takeCommon(document));
    delete document.externalDocs;
    window.ui = SwaggerUIBundle({
        spec: document,
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
