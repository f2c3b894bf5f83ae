"""The epidemic's curve as SVG: newly infected and newly confirmed, a pair of bars a day."""
from .epidemic import BEFORE


def draw(epidemic, width=760, height=240):
    most = max(1, *(max(pair) for pair in epidemic.curve))
    step = (width - 60) / len(epidemic.curve)
    bars = []
    for day, pair in enumerate(epidemic.curve):
        for at, (count, colour) in enumerate(zip(pair, ("#e69f00", "#0072b2"))):
            tall = count / most * (height - 60)
            bars.append(f'<rect x="{40 + day * step + at * step / 2:.1f}" y="{height - 30 - tall:.1f}" '
                        f'width="{step * 0.45:.1f}" height="{tall:.1f}" fill="{colour}"/>')
    first = 40 + BEFORE * step
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
            f'font-size="12"><title>people a day: infected (orange), confirmed (blue); at most {most}</title>'
            f'<text x="40" y="16">infected</text><text x="110" y="16" fill="#0072b2">confirmed</text>'
            f'<text x="4" y="40">{most}</text>{"".join(bars)}'
            f'<path d="M40 {height - 30}H{width - 20}M{first:.1f} 24V{height - 30}" stroke="#444"/>'
            f'<text x="{first:.1f}" y="{height - 12}">day 0</text></svg>\n')
