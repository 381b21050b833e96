// Makes dist: the SDK as a module, as CommonJS, and its types in one file for each.
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

const here = import.meta.dirname;
const scratch = `${here}/dist/types`;

const options = {
  entryPoints: [`${here}/src/index.ts`],
  bundle: true,
  target: 'es2022',
  sourcemap: true,
  // The one import that is left is of a package that only Node 20 needs, at run time.
  packages: 'external',
};
await build({ ...options, format: 'esm', platform: 'neutral', outfile: `${here}/dist/index.js` });
await build({ ...options, format: 'cjs', platform: 'neutral', outfile: `${here}/dist/index.cjs` });

const declarations = spawnSync('npx', ['tsc', '-p', `${here}/tsconfig.build.json`], { stdio: 'inherit' });
if (declarations.status !== 0) process.exit(declarations.status ?? 1);
copyFileSync(`${here}/src/constants.d.ts`, `${scratch}/constants.d.ts`);
const bundle = await rollup({ input: `${scratch}/index.d.ts`, plugins: [dts()] });
await bundle.write({ file: `${here}/dist/index.d.ts` });
await bundle.write({ file: `${here}/dist/index.d.cts` });
await bundle.close();
rmSync(scratch, { recursive: true });
