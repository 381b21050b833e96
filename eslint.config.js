import js from '@eslint/js';
import vue from 'eslint-plugin-vue';
import { defineConfig } from 'eslint/config';
import globals from 'globals';
import typescript from 'typescript-eslint';

export default defineConfig(
  { ignores: ['**/dist/', '**/node_modules/', 'target/', 'data/', '.cache/', 'tests/artifacts/'] },
  js.configs.recommended,
  ...typescript.configs.strict,
  ...vue.configs['flat/recommended'],
  {
    languageOptions: {
      globals: { ...globals.browser, ...globals.node },
      parserOptions: { parser: typescript.parser },
    },
    rules: {
      // The compiler knows every name; this rule does not know the types of the browser.
      'no-undef': 'off',
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.vue'],
    rules: {
      // How a template is laid out is a matter of reading width, not of correctness.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      // TypeScript's optional properties already say that a default is undefined.
      'vue/require-default-prop': 'off',
      'vue/define-macros-order': 'error',
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
    },
  },
);
