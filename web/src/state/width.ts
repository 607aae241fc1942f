// Whether the window has room for one column only, as on a phone.

import { signal } from "@preact/signals";

/** The same width as in the style sheet. */
const query = matchMedia("(max-width: 47.4375em)");

export const isNarrow = signal(query.matches);

query.addEventListener("change", () => (isNarrow.value = query.matches));
