// What issue 2 asks for: a component made from JavaScript prints its greeting.
import {getArguments} from 'wasi:cli/environment@0.2.12';

export const run = {
  run() {
    const [, who = 'world'] = getArguments();
    console.log(`Hello, ${who}, from JavaScript!`);
  },
};
