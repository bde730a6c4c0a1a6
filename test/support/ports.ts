/** Ports that no two tests get, whatever runs at the same time. */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** Below those that systems give to outgoing connections (from 32768 on Linux), which nobody could keep free. */
const FROM = 15_000;
const TO = 32_000;
const TRIES = 200;

/**
 * A port on loopback on which nobody listens, and that nobody else is given as long as this process lives: its UDP port of
 * the same number is held as the sign. So a server may start on it later, and again after it was down.
 */
export async function reservePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = randomInt(FROM, TO);
    if ((await hold(port)) && (await isFree(port))) return port;
  }
  throw new Error("no free port was found");
}

const hold = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const sign = createSocket("udp4");
    sign.once("error", () => done(false));
    sign.bind({ address: "127.0.0.1", port, exclusive: true }, () => {
      sign.unref();
      done(true);
    });
  });

const isFree = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const probe = createServer();
    probe.once("error", () => done(false));
    probe.listen({ host: "127.0.0.1", port }, () => probe.close(() => done(true)));
  });
