/**
 * Reads protobuf messages field by field (protobuf.dev/programming-guides/encoding). By hand, because a general reader
 * answers a message that is cut off with zeros instead of an error.
 */
import { MAX_FOREST_NODES } from "../check.ts";
import { ImportError } from "./grow.ts";

/** An integer, or the bytes of anything else. */
export type Field = number | Uint8Array;

export type Message = Map<number, Field[]>;

/** Of fields of a message, and of numbers of a list: more than a sound file has, little enough for an isolate's memory. */
const MOST = 2 * MAX_FOREST_NODES;
const limit = (count: number): void => {
  if (count > MOST) throw new ImportError(`a list in it has more than ${MOST} elements`);
};

/** Every field of a message by its number. */
export function readMessage(bytes: Uint8Array): Message {
  const fields: Message = new Map();
  const cursor = { bytes, at: 0 };
  for (let count = 0; cursor.at < bytes.length; count++) {
    limit(count);
    const tag = readVarint(cursor);
    const wire = tag % 8;
    const value = wire === 0 ? readVarint(cursor) : readBytes(cursor, lengthOf(wire, cursor));
    const field = Math.floor(tag / 8);
    const list = fields.get(field);
    if (list) list.push(value);
    else fields.set(field, [value]);
  }
  return fields;
}

/** Integers of a repeated field, packed into one or not. */
export function integers(fields: Field[]): number[] {
  const list: number[] = [];
  for (const field of fields) {
    if (typeof field === "number") list.push(field);
    else
      for (const cursor = { bytes: field, at: 0 }; cursor.at < field.length; limit(list.length))
        list.push(readVarint(cursor));
  }
  return list;
}

/** Little-endian floats of a repeated field, packed into one or not. */
export function floats(fields: Field[], size: 4 | 8): number[] {
  const list: number[] = [];
  for (const field of fields) {
    if (typeof field === "number" || field.length % size !== 0) throw new ImportError("a list of numbers is wrong");
    limit(list.length + field.length / size);
    const view = new DataView(field.buffer, field.byteOffset, field.byteLength);
    for (let at = 0; at < field.length; at += size)
      list.push(size === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true));
  }
  return list;
}

export const messages = (message: Message, field: number): Message[] =>
  (message.get(field) ?? []).map((value) => readMessage(bytesOf(value)));

export const strings = (message: Message, field: number): string[] =>
  (message.get(field) ?? []).map((value) => new TextDecoder().decode(bytesOf(value)));

function bytesOf(value: Field): Uint8Array {
  if (typeof value === "number") throw new ImportError("it is no ONNX file: a number stands where a message should");
  return value;
}

interface Cursor {
  bytes: Uint8Array;
  at: number;
}

/** `NaN` for a negative one or one of more than 49 bits: no field that is read here has it. */
function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let digit = 0; digit < 10; digit++) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw new ImportError("it is cut off");
    value += digit < 7 ? (byte & 0x7f) * 2 ** (7 * digit) : Number.NaN;
    if (byte < 0x80) return value;
  }
  throw new ImportError("it is no ONNX file: an integer does not end");
}

function lengthOf(wire: number, cursor: Cursor): number {
  if (wire === 2) return readVarint(cursor);
  if (wire === 1) return 8;
  if (wire === 5) return 4;
  throw new ImportError("it is no ONNX file: a field has an unknown type");
}

function readBytes(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (!(end <= cursor.bytes.length)) throw new ImportError("it is cut off");
  const part = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return part;
}
