// Stands for what is not loaded yet. It shows after a second: most things come sooner.

import { text } from "../text/index.ts";

export const Waiting = () => <p class="empty" role="status"><span class="loading" role="img" aria-label={text.loading} /></p>;
