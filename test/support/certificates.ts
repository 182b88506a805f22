import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of one certificate, PEM. */
export interface Certificate {
  certFile: string;
  keyFile: string;
  cert: Buffer;
  key: Buffer;
}

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Made faster than RSA keys. */
const EC = ['-pkeyopt', 'ec_paramgen_curve:prime256v1'];

/** A certificate authority in a folder. */
export class Authority {
  readonly #folder: string;
  readonly #own: Certificate;
  #serial = 1;

  constructor(folder: string, name: string) {
    this.#folder = join(folder, name);
    mkdirSync(this.#folder, { recursive: true });
    const paths = this.#pathsOf('ca');
    this.#openssl([
      ...['req', '-x509', '-newkey', 'ec', ...EC, '-nodes', '-days', '2', '-subj', `/CN=${name}`],
      ...['-keyout', paths.keyFile, '-out', paths.certFile],
    ]);
    this.#own = read(paths);
  }

  get certFile(): string {
    return this.#own.certFile;
  }

  get cert(): Buffer {
    return this.#own.cert;
  }

  /** @param days from now to its end; below zero it has expired */
  issue(commonName: string, { days = 2, altName }: { days?: number; altName?: string } = {}): Certificate {
    const serial = this.#serial++;
    const paths = this.#pathsOf(`${commonName}-${serial}`);
    const request = join(this.#folder, `${serial}.csr`);
    const extensions = join(this.#folder, `${serial}.ext`);
    writeFileSync(
      extensions,
      `basicConstraints=CA:FALSE\n${altName === undefined ? '' : `subjectAltName=${altName}\n`}`,
    );
    this.#openssl([
      ...['req', '-new', '-newkey', 'ec', ...EC, '-nodes', '-subj', `/CN=${commonName}`],
      ...['-keyout', paths.keyFile, '-out', request],
    ]);
    this.#openssl([
      ...['x509', '-req', '-in', request, '-CA', this.#own.certFile, '-CAkey', this.#own.keyFile],
      ...['-set_serial', `${serial}`, '-days', `${days}`, '-extfile', extensions, '-out', paths.certFile],
    ]);
    return read(paths);
  }

  /** The same certificate, its key encrypted. */
  encrypt({ certFile, keyFile }: Certificate, passphrase: string): Certificate {
    const encrypted = `${keyFile}.encrypted`;
    this.#openssl(['ec', '-aes256', '-passout', `pass:${passphrase}`, '-in', keyFile, '-out', encrypted]);
    return read({ certFile, keyFile: encrypted });
  }

  #pathsOf(name: string) {
    return { certFile: join(this.#folder, `${name}.crt`), keyFile: join(this.#folder, `${name}.key`) };
  }

  #openssl(args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

function read(paths: { certFile: string; keyFile: string }): Certificate {
  return { ...paths, cert: readFileSync(paths.certFile), key: readFileSync(paths.keyFile) };
}
