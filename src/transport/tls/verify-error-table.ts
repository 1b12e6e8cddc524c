/** What Node calls the results of OpenSSL's verification: what each says of a certificate, and what to do. */
export const VERIFY_ERRORS: Readonly<Record<string, readonly [fault: string, cure: string]>> = {
  UNABLE_TO_GET_ISSUER_CERT: [
    'is of an authority whose own certificate is missing',
    'give the whole chain in `cert`, and the root in `ca` of the other side',
  ],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    'is not trusted: its authority is unknown here',
    'give `tls` its authority as `ca`',
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    'is not trusted: no certificate of its chain is known here',
    'give `tls` its authority as `ca`, and the whole chain in `cert` of the other side',
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    'is not trusted: it is its own authority',
    'give `tls` that certificate as `ca`',
  ],
  SELF_SIGNED_CERT_IN_CHAIN: [
    'is not trusted: the root of its chain is unknown here',
    'give `tls` that root as `ca`',
  ],
  CERT_UNTRUSTED: ['is not trusted for this purpose', 'look at the trust settings of its root'],
  CERT_REJECTED: ['is rejected for this purpose', 'look at the trust settings of its root'],
  CERT_HAS_EXPIRED: ['has expired', 'renew it, or look at the clock of this machine'],
  CERT_NOT_YET_VALID: ['is not valid yet', 'look at the clocks of both machines'],
  CERT_REVOKED: ['was revoked by its authority', 'get another one'],
  CERT_SIGNATURE_FAILURE: [
    'has a signature that does not fit its authority',
    'two authorities of one name? Give the one that signed it as `ca`',
  ],
  CERT_CHAIN_TOO_LONG: ['has too long a chain', 'give fewer intermediate certificates'],
  INVALID_CA: [
    'was signed with one that is no authority',
    'its issuer needs basicConstraints CA:TRUE and keyUsage keyCertSign',
  ],
  INVALID_PURPOSE: [
    'was not made for this side of TLS',
    'its extendedKeyUsage needs serverAuth for a server, clientAuth for a client',
  ],
  PATH_LENGTH_EXCEEDED: [
    'has more intermediate authorities than one of them allows',
    'look at pathlen in their basicConstraints',
  ],
  HOSTNAME_MISMATCH: ['is of another name', 'connect by a name in it, or set `servername`'],
  UNABLE_TO_GET_CRL: [
    'could not be looked up among those revoked: the list of its authority is missing',
    'give `tls` a list of each authority of the chain as `crl`',
  ],
  CRL_HAS_EXPIRED: [
    'could not be looked up among those revoked: the list has expired',
    'give `tls` a newer `crl`',
  ],
  CRL_NOT_YET_VALID: [
    'could not be looked up among those revoked: the list is not valid yet',
    'look at the clock of this machine',
  ],
  CRL_SIGNATURE_FAILURE: [
    'could not be looked up among those revoked: the signature of the list does not fit its authority',
    'give `tls` the `crl` of that authority',
  ],
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: [
    'could not be looked up among those revoked: the signature of the list cannot be read',
    'give `tls` another `crl`',
  ],
  ERROR_IN_CRL_LAST_UPDATE_FIELD: [
    'could not be looked up among those revoked: the list has no readable date',
    'give `tls` another `crl`',
  ],
  ERROR_IN_CRL_NEXT_UPDATE_FIELD: [
    'could not be looked up among those revoked: the list has no readable date',
    'give `tls` another `crl`',
  ],
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: ['has a signature that cannot be read', 'make it anew'],
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: [
    'is of an authority whose key cannot be read',
    'make the authority anew',
  ],
  ERROR_IN_CERT_NOT_BEFORE_FIELD: ['has no readable date', 'make it anew'],
  ERROR_IN_CERT_NOT_AFTER_FIELD: ['has no readable date', 'make it anew'],
  OUT_OF_MEM: ['could not be verified for want of memory', 'look at the memory of this machine'],
  UNSPECIFIED: ['could not be verified', 'openssl verify says more'],
}
