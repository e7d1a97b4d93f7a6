// The status line and the banner: what paints here, and why it does not.

import { requestJson } from "./api.js";
import { byId, setText } from "./dom.js";

const INTERVAL_SECONDS = 12;
const UNREACHABLE = "The server does not answer. Trying again…";

/** Looks after the service every few seconds, and whenever somebody comes back to the page. */
export class Health {
  constructor() {
    this.reason = "";
    for (const event of ["focus", "online", "offline"]) addEventListener(event, () => this.look());
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
    setInterval(() => document.hidden || this.look(), INTERVAL_SECONDS * 1000);
    this.look();
  }

  /** Say why a request was refused, until all is well again. */
  report(detail) {
    this.showBanner(detail);
    this.look();
  }

  async look() {
    try {
      this.show(await requestJson("health"));
    } catch (error) {
      this.showStatus("unknown", "Not reachable");
      this.showBanner(error.isPassing ? UNREACHABLE : error.message);
    }
  }

  show({ reason, generator_info: info, workers }) {
    const isLoading = workers.some(({ state }) => state === "loading");
    if (!reason) this.showStatus("healthy", describe(info, workers));
    else this.showStatus(isLoading ? "loading" : "degraded", capitalized(reason));
    this.showBanner(reason ? `No picture can be made now: ${reason}.` : "");
  }

  showStatus(state, text) {
    byId("status").dataset.state = state;
    setText(byId("status-text"), text);
  }

  showBanner(text) {
    setText(byId("banner"), text);
  }
}

function capitalized(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function describe({ model_id, device, dtype }, workers) {
  const name = workers.find(({ build }) => build)?.build.device_name;
  const hardware = !name || name === device ? device : name;
  const amount = workers.length > 1 ? ` · ${workers.length} workers` : "";
  return `${model_id} · ${hardware} · ${dtype}${amount}`;
}
