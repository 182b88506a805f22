// What users install: no package runs a script at its installation, each is pinned by a checksum, and none has a known
// vulnerability, as far as the registry tells: mirrors often do not answer npm audit, and then nothing is known.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const installed = Object.entries(JSON.parse(readFileSync('package-lock.json', 'utf8')).packages).filter(
  ([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional,
);
refuse(
  'packages that run a script at their installation',
  installed.filter(([, { hasInstallScript }]) => hasInstallScript),
);
refuse(
  'packages without a checksum',
  installed.filter(([, { integrity }]) => !integrity),
);

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  encoding: 'utf8',
  shell: process.platform === 'win32',
});
const report = parse(stdout);
const counts = report?.metadata?.vulnerabilities;
const scope = `${installed.length} packages, pinned, no script at their installation`;
if (counts === undefined) {
  const reason = report?.error?.summary || report?.message || 'npm audit gave no report';
  process.stderr.write(`${scope}. Not audited: ${reason}\n`);
} else if (counts.total > 0) {
  refuse('packages with vulnerabilities (npm audit --omit=dev)', Object.entries(report.vulnerabilities));
} else {
  process.stdout.write(`${scope}. npm audit --omit=dev: no vulnerabilities\n`);
}

function refuse(what, packages) {
  if (packages.length === 0) return;
  const names = packages.map(([path]) => path.replace(/^.*node_modules\//, ''));
  process.stderr.write(`There are ${what}: ${names.join(', ')}\n`);
  process.exitCode = 1;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
