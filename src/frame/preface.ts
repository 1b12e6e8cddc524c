/**
 * What a client sends before its first frame, so that no HTTP/1.1 server goes
 * on reading: 24 octets. RFC 9113 §3.4. Shared: read it, never write to it.
 */
export const CLIENT_PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
