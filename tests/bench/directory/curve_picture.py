"""The directory's curve as SVG: rates a second of processor time, the service's and PostgreSQL's together, over the number of
people; both axes logarithmic."""
import math

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 900, 460, 100, 30, 190, 50
COLOURS = ("#1f6fb4", "#c8501e", "#2c8c3c", "#7a4fb0", "#a0832a", "#c03070", "#444444")


def rate_of(row):
    return 1 / (1 / max(row["by_our_processor"], 1) + 1 / max(row["by_the_databases_processor"], 1))


def draw(rows, path):
    rows = [row for row in rows if row["unit"].endswith("/s")]
    sizes = sorted({row["people"] for row in rows})
    low, high = math.log10(sizes[0]), max(math.log10(sizes[-1]), math.log10(sizes[0]) + 1)
    floor, top = 3, math.ceil(math.log10(max(rate_of(row) for row in rows)))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def at(people, rate):
        x = LEFT + (right - LEFT) * (math.log10(people) - low) / (high - low)
        y = bottom - (bottom - TOP) * (math.log10(max(rate, 10**floor)) - floor) / (top - floor)
        return f"{x:.1f},{y:.1f}"

    def text(place, words, anchor, colour="#333"):
        x, y = place.split(",")
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{words}</text>'

    def line(points, colour, more=""):
        return f'<polyline fill="none" stroke="{colour}" {more} points="{" ".join(points)}"/>'

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           "<title>The directory's rates over its size</title>", f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for ten in range(floor, top + 1):
        out.append(line([at(sizes[0], 10**ten), at(10**high, 10**ten)], "#ddd"))
        out.append(text(f"{LEFT - 8},{at(sizes[0], 10**ten).split(',')[1]}", f"{10**ten:,}/cpu-s", "end"))
    for people in sizes:
        out.append(text(f"{at(people, 1).split(',')[0]},{bottom + 20}", f"{people:,} people", "middle"))
    for i, bench in enumerate(sorted({row["bench"] for row in rows})):
        colour, mine = COLOURS[i % len(COLOURS)], [row for row in rows if row["bench"] == bench]
        out.append(line([at(row["people"], rate_of(row)) for row in mine], colour, 'stroke-width="2"'))
        out.append(f'<text x="{right + 20}" y="{TOP + 20 * i + 10}" fill="{colour}">{bench}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")
