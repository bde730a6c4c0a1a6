/**
 * Gives back what lies behind an array at once: whoever looks at it afterwards finds it empty. The garbage collector comes by the
 * size of the JavaScript heap, in which a view of twenty megabytes is a small object: in workerd a run's steps let half a
 * gigabyte of such data sets lie.
 */
export function free({ buffer }: ArrayBufferView): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
