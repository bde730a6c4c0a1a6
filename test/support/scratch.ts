/** Where tests keep the state of the servers they start. */
import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const RAM_DISK = "/dev/shm";
/** Of servers that run at the same time, with room to spare. */
const WANTED_BYTES = 4e9;

/**
 * A RAM disk where there is one with room, else the system's folder: every commit of an actor waits for the disk, and whole
 * suites of them are bound by it. What outlives `kill -9` outlives it there as well; only a power failure would tell.
 */
export function scratchFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(RAM_DISK);
    if (bavail * bsize >= WANTED_BYTES) return RAM_DISK;
  } catch {
    // This system has none.
  }
  return tmpdir();
}
