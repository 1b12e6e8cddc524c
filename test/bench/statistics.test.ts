import t from 'tap'
import { advantage, median, spreadOf } from '../../bench/statistics.js'

t.test('the median is the middle value, or the mean of the middle two', async t => {
  t.equal(median([9, 1, 5]), 5)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.throws(() => median([]), RangeError)
})

t.test('a spread is a median between extremes', async t => {
  t.same(spreadOf([10, 9, 100]), { median: 10, min: 9, max: 100 })
})

t.test('an advantage compares medians, and rounds that ran side by side', async t => {
  // The second round was disturbed: both sides took twice as long, and the pair still says 10.
  t.same(advantage([1, 2, 1], [10, 20, 12], 'lower'), { median: 12, min: 10, max: 12 })
  t.same(advantage([100, 50], [10, 10], 'higher'), { median: 7.5, min: 5, max: 10 })
  t.throws(() => advantage([1], [1, 2], 'lower'), RangeError)
})
