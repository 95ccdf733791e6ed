// Begins what every page uses. Everything works without it; nothing here is the only way to do something.
import { initAll } from "./govuk-frontend.min.js";
import { startSessionWarning } from "./session-warning.js";
import { startCopying } from "./copy.js";
import { startUploads } from "./upload.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
initAll();
startSessionWarning();
startCopying();
startUploads();
