import type { Balancing } from '../balancing/balancer.js'
import { leastRequest } from '../balancing/least-request.js'
import {
  type FailurePercentageOptions,
  outlierDetection,
  type SuccessRateOptions,
} from '../balancing/outlier-detection.js'
import { pickFirst } from '../balancing/pick-first.js'
import { randomSubset } from '../balancing/random-subset.js'
import { roundRobin } from '../balancing/round-robin.js'
import { weightedRoundRobin } from '../weights/weighted-round-robin.js'
import {
  durationOf,
  type Fields,
  fieldsOf,
  flagOf,
  isAbsent,
  listOf,
  numberOf,
  textOf,
  wholeOf,
} from './service-config-fields.js'

type Read = (place: string, fields: Fields) => Balancing

/** Policies of gRPC, and what they are here. */
const POLICIES: Readonly<Record<string, Read>> = {
  pick_first: () => pickFirst(),
  round_robin: () => roundRobin(),
  least_request_experimental: () => leastRequest(),
  weighted_round_robin: readWeighted,
  outlier_detection_experimental: readOutliers,
  random_subsetting_experimental: readSubset,
}

/** The first policy of the list that is known; the older field is a name. gRPC A24. */
export function readBalancing(place: string, config: Fields): Balancing | undefined {
  const { loadBalancingConfig, loadBalancingPolicy } = config
  if (!isAbsent(loadBalancingConfig))
    return readPolicies(`${place}.loadBalancingConfig`, loadBalancingConfig)
  if (isAbsent(loadBalancingPolicy)) return undefined
  const at = `${place}.loadBalancingPolicy`
  return readPolicies(at, [{ [textOf(at, loadBalancingPolicy).toLowerCase()]: {} }])
}

function readPolicies(place: string, value: unknown): Balancing {
  const names: string[] = []
  for (const [index, each] of listOf(place, value).entries()) {
    const policy = fieldsOf(`${place}[${index}]`, each)
    const [name, ...others] = Object.keys(policy)
    if (name === undefined || others.length > 0) {
      throw new TypeError(
        `${place}[${index}]: expected one policy, got ${others.length + (name === undefined ? 0 : 1)}`,
      )
    }
    names.push(name)
    if (!Object.hasOwn(POLICIES, name)) continue
    const at = `${place}[${index}].${name}`
    return POLICIES[name]!(at, fieldsOf(at, policy[name] ?? {}))
  }
  throw new TypeError(
    `${place}: none of ${names.join(', ') || 'no policies'} is known; there are ${Object.keys(POLICIES).join(', ')}`,
  )
}

/** `name: value` for what is there, so that defaults hold for the rest. */
function optional<Value>(
  place: string,
  fields: Fields,
  field: string,
  read: (place: string, value: unknown) => Value,
  name: string,
): object {
  const value = fields[field]
  return isAbsent(value) ? {} : { [name]: read(`${place}.${field}`, value) }
}

function readWeighted(place: string, fields: Fields): Balancing {
  const { enableOobLoadReport } = fields
  if (
    !isAbsent(enableOobLoadReport) &&
    flagOf(`${place}.enableOobLoadReport`, enableOobLoadReport)
  ) {
    throw new TypeError(`${place}.enableOobLoadReport: reports come with answers here`)
  }
  return placed(place, () =>
    weightedRoundRobin({
      ...optional(place, fields, 'blackoutPeriod', durationOf, 'blackoutPeriodMs'),
      ...optional(place, fields, 'weightExpirationPeriod', durationOf, 'weightExpirationPeriodMs'),
      ...optional(place, fields, 'weightUpdatePeriod', updateOf, 'weightUpdatePeriodMs'),
      ...optional(place, fields, 'errorUtilizationPenalty', numberOf, 'errorUtilizationPenalty'),
    }),
  )
}

/** Less is taken for the least there is. gRPC A58. */
function updateOf(place: string, value: unknown): number {
  return Math.max(100, durationOf(place, value))
}

function readOutliers(place: string, fields: Fields): Balancing {
  const { successRateEjection, failurePercentageEjection } = fields
  const rates = {
    minimumHosts: 'minimumHosts',
    requestVolume: 'requestVolume',
    enforcementPercentage: 'enforcementPercent',
  }
  const successRate = isAbsent(successRateEjection)
    ? undefined
    : // A50 knows no gap.
      {
        gapPercent: 0,
        ...numbers(`${place}.successRateEjection`, successRateEjection, {
          ...rates,
          stdevFactor: 'stdevFactor',
        }),
      }
  const failurePercentage = isAbsent(failurePercentageEjection)
    ? undefined
    : numbers(`${place}.failurePercentageEjection`, failurePercentageEjection, {
        ...rates,
        threshold: 'thresholdPercent',
      })
  return placed(place, () =>
    outlierDetection({
      balancer: readPolicies(`${place}.childPolicy`, fields['childPolicy']),
      consecutiveFailures: Number.POSITIVE_INFINITY,
      maxEjectionPercent: 10,
      ...optional(place, fields, 'interval', durationOf, 'intervalMs'),
      ...optional(place, fields, 'baseEjectionTime', durationOf, 'baseEjectionTimeMs'),
      ...optional(place, fields, 'maxEjectionTime', durationOf, 'maxEjectionTimeMs'),
      ...optional(place, fields, 'maxEjectionPercent', numberOf, 'maxEjectionPercent'),
      ...(successRate === undefined ? {} : { successRate: successRate as SuccessRateOptions }),
      ...(failurePercentage === undefined
        ? {}
        : { failurePercentage: failurePercentage as FailurePercentageOptions }),
    }),
  )
}

function readSubset(place: string, fields: Fields): Balancing {
  const size = wholeOf(`${place}.subsetSize`, fields['subsetSize'])
  const balancer = readPolicies(`${place}.childPolicy`, fields['childPolicy'])
  return placed(place, () => randomSubset({ size, balancer }))
}

function numbers(place: string, value: unknown, names: Readonly<Record<string, string>>): object {
  const fields = fieldsOf(place, value)
  const found: object[] = Object.entries(names).map(([field, name]) => {
    return optional(place, fields, field, numberOf, name)
  })
  return Object.assign({}, ...found) as object
}

/** What a balancer refuses has its place as well. */
function placed(place: string, make: () => Balancing): Balancing {
  try {
    return make()
  } catch (cause) {
    const text = (cause as Error).message
    if (text.startsWith(place)) throw cause
    throw new TypeError(`${place}: ${text}`, { cause })
  }
}
