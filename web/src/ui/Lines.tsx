// The lines above a column: that the server cannot be reached, that a newer page is there.

import { offline } from "../state/lists.ts";
import { isOutdated } from "../state/version.ts";
import { text } from "../text/index.ts";

export function Lines() {
    return (
        <>
            {offline.value && <p class="bar offline" role="status">{text.offline}</p>}
            {isOutdated.value && <button class="bar" onClick={() => location.reload()}>{text.newVersion}</button>}
        </>
    );
}
