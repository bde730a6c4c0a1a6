/** The version in package.json, for what is deployed without it. */
export const VERSION = "0.1.0";
