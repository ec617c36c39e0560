/** Equal to the version in package.json, which a test verifies. */
export const version = '0.1.0';
