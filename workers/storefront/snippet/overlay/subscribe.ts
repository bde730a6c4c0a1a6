/** base64url, as VAPID keys are written, to bytes. */
export function bytesOf(key: string): Uint8Array<ArrayBuffer> {
  const text = atob(key.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

const isSame = (known: ArrayBuffer | null | undefined, key: Uint8Array): boolean =>
  known != null && String(new Uint8Array(known)) === String(key);

/** This browser's subscription for the store's key; one for another key is given up. */
export async function subscribe(worker: string, publicKey: string): Promise<PushSubscriptionJSON> {
  const { serviceWorker } = navigator;
  const registration = await serviceWorker.register(worker);
  await ready(registration);
  const applicationServerKey = bytesOf(publicKey);
  const known = await registration.pushManager.getSubscription();
  if (known && isSame(known.options.applicationServerKey, applicationServerKey)) return known.toJSON();
  await known?.unsubscribe();
  const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  return made.toJSON();
}

/** A worker whose scope does not hold this page never becomes `serviceWorker.ready`: its own state is waited for. */
function ready({ active, waiting, installing }: ServiceWorkerRegistration): Promise<void> | void {
  const worker = installing ?? waiting;
  if (active || !worker) return;
  return new Promise((resolve, reject) => {
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") resolve();
      if (worker.state === "redundant") reject(new Error("the service worker could not be installed"));
    });
  });
}
