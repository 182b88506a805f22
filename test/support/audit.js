// What users run, be it installed with the package or built into the command line: no package runs a script at its
// installation, each is pinned by a checksum, and none has a known vulnerability, as far as the registry tells: mirrors
// often do not answer npm audit, and then nothing is known.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [, list] = readFileSync('dist/cli/LICENSES.txt', 'utf8').split('\n\n');
const builtIn = new Set([...list.matchAll(/^ {2}(\S+) /gm)].map(([, name]) => name));
const nameOf = (path) => path.replace(/^.*node_modules\//, '');
const installed = Object.entries(JSON.parse(readFileSync('package-lock.json', 'utf8')).packages).filter(
  ([path, { dev, devOptional }]) => path !== '' && (builtIn.has(nameOf(path)) || (!dev && !devOptional)),
);
refuse(
  'packages that run a script at their installation',
  installed.filter(([, { hasInstallScript }]) => hasInstallScript),
);
refuse(
  'packages without a checksum',
  installed.filter(([, { integrity }]) => !integrity),
);

const { stdout } = spawnSync('npm', ['audit', '--json'], {
  encoding: 'utf8',
  shell: process.platform === 'win32',
});
const report = parse(stdout);
const counts = report?.metadata?.vulnerabilities;
const scope = `${installed.length} packages, pinned, no script at their installation`;
const names = new Set(installed.map(([path]) => nameOf(path)));
const vulnerable = Object.entries(report?.vulnerabilities ?? {}).filter(([name]) => names.has(name));
if (counts === undefined) {
  const reason = report?.error?.summary || report?.message || 'npm audit gave no report';
  process.stderr.write(`${scope}. Not audited: ${reason}\n`);
} else if (vulnerable.length > 0) {
  refuse('packages with vulnerabilities (npm audit)', vulnerable);
} else {
  process.stdout.write(`${scope}. npm audit: no vulnerabilities\n`);
}

function refuse(what, packages) {
  if (packages.length === 0) return;
  process.stderr.write(`There are ${what}: ${packages.map(([path]) => nameOf(path)).join(', ')}\n`);
  process.exitCode = 1;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
