// The studio: puts the parts of the page together, and nothing else.

import { persist } from "./backoff.js";
import { byId, setText } from "./dom.js";
import { PictureForm } from "./form.js";
import { Gallery } from "./gallery.js";
import { Health } from "./health.js";
import { learnInputs } from "./inputs.js";
import { installKeyPanel } from "./key.js";
import { readLimits } from "./limits.js";
import { PictureDialog } from "./picture.js";
import { Queue } from "./queue.js";
import { Submission } from "./submission.js";

installKeyPanel();
const health = new Health();
const gallery = new Gallery({ onOpen: (picture) => dialog.open(picture) });
const queue = new Queue({
  onPicture: (job, png) => gallery.add(job, png),
  onRetry: (request) => submission.send(request),
});
const form = new PictureForm({ onPaint: (request) => submission.send(request) });
const submission = new Submission({
  onAccepted: accept,
  onInvalid: (errors) => form.showErrors(errors),
  onUnavailable: (detail) => health.report(detail),
});
const dialog = new PictureDialog({
  gallery,
  onPaint: (request) => submission.send(request),
  onUse: (request) => form.use(request),
  onStart: (png, request) => form.startFrom(png, request),
});

function accept(job, request) {
  queue.add(job);
  form.sent(request);
  learnInputs(request, job);
}

byId("gallery-empty").addEventListener("click", ({ target }) => {
  const { prompt } = target.dataset;
  if (!prompt) return;
  form.change({ prompt });
  byId("prompt").focus();
});
if (/Mac|iPhone|iPad/.test(navigator.userAgent)) setText(byId("shortcut"), "⌘ ↵");

gallery.load();
queue.resume();
submission.resume();
form.setLimits(await persist(readLimits));
