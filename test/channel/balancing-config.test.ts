import t from 'tap'
import { readServiceConfig } from '../../src/channel/index.js'

const nameOf = (policy: object): string | undefined =>
  readServiceConfig({ loadBalancingConfig: [{ xds_experimental: {} }, policy] }).balancing?.name

t.test('R57: policies of gRPC, within each other, the first that is known', t => {
  t.equal(
    nameOf({ weighted_round_robin: { blackoutPeriod: '5s', weightUpdatePeriod: '0.01s' } }),
    'weightedRoundRobin',
  )
  t.equal(
    nameOf({
      outlier_detection_experimental: {
        interval: '5s',
        successRateEjection: { stdevFactor: 1_000 },
        failurePercentageEjection: {},
        childPolicy: [{ none: {} }, { round_robin: {} }],
      },
    }),
    'outlierDetection(roundRobin)',
  )
  t.equal(
    nameOf({
      random_subsetting_experimental: {
        subsetSize: 3,
        childPolicy: [{ least_request_experimental: {} }],
      },
    }),
    'randomSubset(leastRequest)',
  )
  t.end()
})

t.test('R93: a mistake has its place', t => {
  const at = 'serviceConfig.loadBalancingConfig[1]'
  const cases: [object, string][] = [
    [
      { outlier_detection_experimental: { interval: 5 } },
      `${at}.outlier_detection_experimental.childPolicy: expected a list`,
    ],
    [
      { outlier_detection_experimental: { childPolicy: [{ pick_first: {} }] } },
      `${at}.outlier_detection_experimental: outlierDetection needs a balancer of several connections`,
    ],
    [
      {
        outlier_detection_experimental: {
          maxEjectionPercent: 101,
          childPolicy: [{ round_robin: {} }],
        },
      },
      `${at}.outlier_detection_experimental: maxEjectionPercent is 101`,
    ],
    [
      { random_subsetting_experimental: { childPolicy: [] } },
      `${at}.random_subsetting_experimental.subsetSize`,
    ],
    [
      { weighted_round_robin: { enableOobLoadReport: true } },
      `${at}.weighted_round_robin.enableOobLoadReport`,
    ],
    [
      { weighted_round_robin: { errorUtilizationPenalty: -1 } },
      `${at}.weighted_round_robin: errorUtilizationPenalty is -1`,
    ],
    [
      { ring_hash_experimental: {} },
      'serviceConfig.loadBalancingConfig: none of xds_experimental, ring_hash_experimental is known',
    ],
    [{ round_robin: {}, pick_first: {} }, `${at}: expected one policy, got 2`],
  ]
  for (const [policy, text] of cases) {
    const message = new RegExp(`^${text.replace(/[[\].]/g, '\\$&')}`)
    t.throws(() => nameOf(policy), { message }, text)
  }
  t.end()
})
