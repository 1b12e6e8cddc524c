export { type HttpBrokerOptions, httpBroker } from './http-broker.js'
