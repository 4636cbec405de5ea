import { join } from 'node:path';
import { spawnChild } from '../../support/child.ts';
import { removeFolder, temporaryFolder } from '../../support/temporary-folder.ts';

/** Files of a certificate and its key. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority, and servers' certificates by it. */
export interface Certificates extends Disposable {
  /** The authority's own certificate, for those who trust it. */
  readonly ca: string;
  /** For 127.0.0.1, valid now. */
  readonly good: Certificate;
  readonly expired: Certificate;
  /** For another host. */
  readonly ofAnother: Certificate;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes them in a temporary folder, with `openssl`. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = temporaryFolder('certificates');
  const file = (name: string): string => join(folder, name);
  const authority: Certificate = { cert: file('ca.crt'), key: file('ca.key') };
  await openssl(
    'req',
    '-x509',
    ...NEW_KEY,
    '-keyout',
    authority.key,
    '-out',
    authority.cert,
    '-subj',
    '/CN=Tests',
    '-days',
    '1',
  );
  const make = async (name: string, host: string, days: number): Promise<Certificate> => {
    const [cert, key, request] = [file(`${name}.crt`), file(`${name}.key`), file(`${name}.csr`)];
    const named = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${host}`];
    await openssl('req', ...NEW_KEY, '-keyout', key, '-out', request, ...named);
    const signed = ['-CA', authority.cert, '-CAkey', authority.key, '-copy_extensions', 'copy'];
    await openssl('x509', '-req', '-in', request, '-out', cert, ...signed, '-days', String(days));
    return { cert, key };
  };
  return {
    ca: authority.cert,
    good: await make('good', 'IP:127.0.0.1', 1),
    expired: await make('expired', 'IP:127.0.0.1', -1),
    ofAnother: await make('another', 'DNS:another.invalid', 1),
    [Symbol.dispose]: () => removeFolder(folder),
  };
}

async function openssl(...args: string[]): Promise<void> {
  const child = spawnChild({ name: 'openssl', command: ['openssl', ...args] });
  const status = await child.exited;
  if (status !== 0) throw new Error(`openssl ${args[0]} failed (${status}):\n${child.output()}`);
}
