import { ErrorCode } from './task-queue-error.ts';

/** What a failed TLS handshake means, and what to do about it. */
export interface TlsFailure {
  code: ErrorCode;
  reason: string;
  hint: string;
}

const failed = (reason: string, hint: string): TlsFailure => ({ code: ErrorCode.tlsFailed, reason, hint });
/** The broker refused the client's certificate: retrying does not help. */
const refused = (reason: string, hint: string): TlsFailure => ({
  code: ErrorCode.authenticationFailed,
  reason,
  hint,
});

const KEY_HINT = 'Check tls.cert and tls.key.';

/*
 * Node's codes, https://nodejs.org/api/errors.html#openssl-error-codes: those of X.509 verification, and
 * ERR_SSL_ or ERR_OSSL_ with OpenSSL's reason. What the other side says are alerts; OpenSSL 3.5 calls some
 * "SSL/TLS alert …" that were "SSLv3 alert …" before.
 */
const FAILURES: readonly (readonly [code: RegExp, failure: TlsFailure])[] = [
  [
    /SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
    failed(
      'the certificate of the broker is not signed by a trusted authority',
      'Set tls.ca to the certificate of its authority.',
    ),
  ],
  [
    /ALTNAME_INVALID/,
    failed(
      'the certificate of the broker is for another name',
      'Use the name in the certificate in the URL, or set tls.serverName to it.',
    ),
  ],
  [/^CERT_HAS_EXPIRED/, failed('the certificate of the broker has expired', 'Renew it.')],
  [
    /^CERT_NOT_YET_VALID/,
    failed('the certificate of the broker is not valid yet', 'Is the clock of this machine right?'),
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/,
    failed(
      'the port does not speak TLS',
      'Use amqp:// instead of amqps:// (http:// for the API), or the TLS port (5671; 15671 for the API).',
    ),
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED/,
    refused('the broker asks for a client certificate', 'Set tls.cert and tls.key.'),
  ],
  [
    /ALERT_UNKNOWN_CA/,
    refused(
      'the broker does not trust the authority of the client certificate',
      'Use a certificate of an authority in its ssl_options.cacertfile.',
    ),
  ],
  [/ALERT_CERTIFICATE_EXPIRED/, refused('the client certificate has expired', 'Renew it.')],
  [
    /ALERT_(BAD|UNSUPPORTED|UNKNOWN|REVOKED)_?CERTIFICATE|ALERT_CERTIFICATE_(REVOKED|UNKNOWN)/,
    refused('the broker refuses the client certificate', 'Its log says why.'),
  ],
  [
    /ALERT_HANDSHAKE_FAILURE/,
    failed(
      'the broker refuses the TLS handshake',
      'It may ask for a client certificate (tls.cert, tls.key), or for other versions or ciphers; its log says more.',
    ),
  ],
  [
    /BAD_DECRYPT|BAD_PASSWORD_READ|MISSING_PASSPHRASE/,
    failed('the passphrase of the client key is wrong or missing', 'Set tls.passphrase.'),
  ],
  [/KEY_VALUES_MISMATCH/, failed('the client certificate is for another key', KEY_HINT)],
  [
    /NO_START_LINE|DECODER_UNSUPPORTED|OSSL_UNSUPPORTED/,
    // One in a few hundred wrong passphrases decrypts the key to something that fails only later.
    failed('the client certificate or its key is not PEM, or the passphrase is wrong', KEY_HINT),
  ],
];

/** @returns undefined for a failure of a connection that has nothing to do with TLS */
export function tlsFailure(error: { code?: unknown; message?: unknown }): TlsFailure | undefined {
  const code = codeOf(error);
  if (typeof code !== 'string') return undefined;
  const known = FAILURES.find(([pattern]) => pattern.test(code))?.[1];
  if (known) return known;
  if (!/^ERR_(SSL|TLS|OSSL)|CERT|CRL|^HOSTNAME_MISMATCH/.test(code)) return undefined;
  return failed(`the TLS handshake failed (${code})`, "The broker's log may say more.");
}

/** Over HTTP Node reports some as EPROTO, with OpenSSL's reason in the text: `…:SSL routines:ssl3_get_record:wrong version number:…`. */
function codeOf({ code, message }: { code?: unknown; message?: unknown }): unknown {
  const [, reason] = /:SSL routines:[^:]*:([^:]+):/.exec(String(message)) ?? [];
  if (code !== 'EPROTO' || reason === undefined) return code;
  return `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
}
