// Bars as SVG, drawn by echarts on the server's side: plain JavaScript, because the library is a
// dependency of the peers' package and not of the repository's.
import { init } from 'echarts'

const FONT = 'system-ui, sans-serif'
const OURS = '#1f6feb'
const THEIRS = '#9aa4b2'
const LIMIT = '#d4d8de'
const BAR_HEIGHT = 34
const LOG_RATIO_MIN = 20

/**
 * One bar for each of `bars` (`{ label, text, value, kind }`, kind `ours`, `peer` or `limit`), the
 * longest at the bottom; a logarithmic scale where the largest value is over twenty times the least.
 */
export function barChart({ title, subtitle, unit, bars }) {
  const values = bars.map(({ value }) => value)
  const log = Math.max(...values) / Math.min(...values) > LOG_RATIO_MIN
  const height = 110 + bars.length * BAR_HEIGHT
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 760, height })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: FONT },
    title: {
      text: title,
      subtext: subtitle,
      left: 12,
      top: 8,
      textStyle: { fontSize: 16, color: '#1b1f24', fontFamily: FONT },
      subtextStyle: { fontSize: 11, color: '#5b6470', fontFamily: FONT },
    },
    grid: { left: 150, right: 120, top: 62, bottom: 36 },
    xAxis: {
      type: log ? 'log' : 'value',
      ...(log ? { min: 10 ** Math.floor(Math.log10(Math.min(...values))) } : { min: 0 }),
      name: log ? `${unit}, log scale` : unit,
      nameLocation: 'middle',
      nameGap: 20,
      axisLabel: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: '#eef0f3' } },
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: bars.map(({ label }) => label),
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { color: '#1b1f24', fontSize: 12 },
    },
    series: [
      {
        type: 'bar',
        barWidth: 18,
        data: bars.map(({ value, kind }) => ({
          value,
          itemStyle: { color: { ours: OURS, peer: THEIRS, limit: LIMIT }[kind] },
        })),
        label: {
          show: true,
          position: 'right',
          color: '#1b1f24',
          fontSize: 12,
          formatter: ({ dataIndex }) => bars[dataIndex].text,
        },
      },
    ],
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}
