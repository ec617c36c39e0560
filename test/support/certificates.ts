/** A certificate authority of one's own, and a server certificate for 127.0.0.1 and localhost that it signed. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from './keeper.ts';

const run = promisify(execFile);

/** Paths of PEM files. */
export interface Certificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Key and certificate in one file, as Kafka wants them. */
  readonly keystoreFile: string;
}

const config = `
[req]
prompt = no
distinguished_name = name
[name]
CN = localhost
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
subjectAltName = IP:127.0.0.1, DNS:localhost
extendedKeyUsage = serverAuth
`;

export async function makeCertificates(): Promise<Certificates> {
  const folder = await temporaryFolder('tls');
  const at = (name: string): string => join(folder, name);
  const key = (name: string): string[] => ['-newkey', 'rsa:2048', '-nodes', '-keyout', at(name)];
  const conf = ['-config', at('openssl.cnf')];
  await writeFile(at('openssl.cnf'), config);
  const ca = ['-subj', '/CN=disburse test CA', '-extensions', 'ca', '-days', '2', '-out', at('ca.pem')];
  await openssl(['req', '-x509', ...key('ca.key'), ...conf, ...ca]);
  await openssl(['req', ...key('server.key'), ...conf, '-out', at('server.csr')]);
  const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'];
  const extensions = ['-extfile', at('openssl.cnf'), '-extensions', 'server'];
  await openssl(['x509', '-req', '-in', at('server.csr'), ...signer, ...extensions, '-days', '2', '-out', at('server.pem')]);
  const parts = await Promise.all(['server.key', 'server.pem', 'ca.pem'].map((name) => readFile(at(name), 'utf8')));
  await writeFile(at('keystore.pem'), parts.join(''), { mode: 0o600 });
  return { caFile: at('ca.pem'), certFile: at('server.pem'), keyFile: at('server.key'), keystoreFile: at('keystore.pem') };
}

async function openssl(args: readonly string[]): Promise<void> {
  try {
    await run('openssl', args);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new Error('openssl is not on the PATH and tests with TLS make their certificates with it: install openssl.', { cause });
  }
}
