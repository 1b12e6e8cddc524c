export { fuzzServer as fuzz } from './connection.fuzz.js'
