#!/usr/bin/env -S node --max-semi-space-size=4
console.log('hello', process.version, process.argv.slice(2));
