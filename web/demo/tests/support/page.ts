import 'vue';

/* What the modules of the demo look at when they are loaded; a test of theirs needs no browser for the rest. Vue, which takes
   a document for a browser, is loaded before there is one. */

Object.assign(globalThis, {
  localStorage: { getItem: () => 'en', setItem: () => undefined },
  document: { documentElement: {}, addEventListener: () => undefined },
});
