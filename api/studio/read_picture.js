// Reading a picture that somebody gives the page, into what the API takes.

const TAKEN = ["image/png", "image/jpeg", "image/webp"];
const MOST_BYTES = 3_000_000;
const LONGEST_SIDE = 4096;
const SHORTER_SIDE = 768; // The server makes larger ones as small as this.

/** Give `{ url, width, height }` of a picture; raises where it is none that this browser reads. */
export async function readPicture(blob) {
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  const isFit = blob.size <= MOST_BYTES && Math.max(width, height) <= LONGEST_SIDE;
  if (isFit && TAKEN.includes(blob.type)) return { url: await urlOf(blob), width, height };
  return drawn(bitmap, Math.min(1, SHORTER_SIDE / Math.min(width, height)));
}

function drawn(bitmap, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return { url: canvas.toDataURL("image/png"), width: canvas.width, height: canvas.height };
}

function urlOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
