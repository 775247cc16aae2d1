/** Reading a QR code from the camera, or from a picture where the browser gives us no camera. */
import decodeQR from "qr/decode.js";

const SIDE_MAX = 1024;
const LOOK_EVERY_MS = 150;

/** The text of the code in a picture; null when none can be read. */
export async function readPicture(file: Blob): Promise<string | null> {
  const picture = await createImageBitmap(file);
  try {
    return read(picture, picture.width, picture.height);
  } finally {
    picture.close();
  }
}

/** Looks through the back camera until a code is read, or `signal` says stop. */
export async function readCamera(video: HTMLVideoElement, signal: AbortSignal): Promise<string | null> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  try {
    video.srcObject = stream;
    await video.play();
    while (!signal.aborted) {
      const text = read(video, video.videoWidth, video.videoHeight);
      if (text) return text;
      await new Promise((resolve) => window.setTimeout(resolve, LOOK_EVERY_MS));
    }
    return null;
  } finally {
    stream.getTracks().forEach((track) => track.stop());
  }
}

/** Plain http pages, and some browsers inside apps, have none. */
export function hasCamera(): boolean {
  return window.isSecureContext && "mediaDevices" in navigator;
}

function read(source: CanvasImageSource, width: number, height: number): string | null {
  if (width === 0 || height === 0) return null;
  const scale = Math.min(1, SIDE_MAX / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return null;

  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  try {
    return decodeQR(context.getImageData(0, 0, canvas.width, canvas.height));
  } catch {
    return null; // The library's way to say that there is no code.
  }
}
