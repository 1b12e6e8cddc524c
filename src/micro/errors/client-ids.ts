/** Ids of errors that the client itself makes. go-micro's names. */
export const CLIENT_ID = 'go.micro.client'
export const CLIENT_CODEC_ID = 'go.micro.client.codec'
export const CLIENT_TRANSPORT_ID = 'go.micro.client.transport'
