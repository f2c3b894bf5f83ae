#include "picture/paint.h"

#include <math.h>
#include <string.h>

static const char *const names[PHI_SHAPE_COUNT] = {
    [PHI_SHAPE_CIRCLE] = "circle",   [PHI_SHAPE_TRIANGLE] = "triangle",
    [PHI_SHAPE_OCTAGON] = "octagon", [PHI_SHAPE_DIAMOND] = "diamond",
    [PHI_SHAPE_SQUARE] = "square",
};

bool phi_shape_from_name(const char *name, enum phi_shape *out)
{
    for (int i = 0; i < PHI_SHAPE_HEART; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum phi_shape)i;
            return true;
        }
    }
    return false;
}

/* All paths in a box from -1 to 1, y downwards; corners are rounded by a stroke of the same colour.
 */
static void polygon(cairo_t *cairo, int corners, double radius, double turn, double y)
{
    for (int i = 0; i < corners; i++) {
        double angle = turn + i * 2 * M_PI / corners;
        cairo_line_to(cairo, radius * cos(angle), y + radius * sin(angle));
    }
    cairo_close_path(cairo);
    cairo_set_line_width(cairo, 0.16);
    cairo_fill_preserve(cairo);
    cairo_stroke(cairo);
}

static void heart(cairo_t *cairo)
{
    cairo_move_to(cairo, 0, 0.92);
    cairo_curve_to(cairo, -0.35, 0.62, -1, 0.2, -1, -0.32);
    cairo_curve_to(cairo, -1, -0.68, -0.74, -0.9, -0.46, -0.9);
    cairo_curve_to(cairo, -0.26, -0.9, -0.1, -0.8, 0, -0.6);
    cairo_curve_to(cairo, 0.1, -0.8, 0.26, -0.9, 0.46, -0.9);
    cairo_curve_to(cairo, 0.74, -0.9, 1, -0.68, 1, -0.32);
    cairo_curve_to(cairo, 1, 0.2, 0.35, 0.62, 0, 0.92);
    cairo_close_path(cairo);
    cairo_fill(cairo);
}

static void body(cairo_t *cairo, enum phi_shape shape)
{
    switch (shape) {
    case PHI_SHAPE_CIRCLE:
        cairo_arc(cairo, 0, 0, 1, 0, 2 * M_PI);
        cairo_fill(cairo);
        return;
    case PHI_SHAPE_TRIANGLE:
        polygon(cairo, 3, 1.08, -M_PI / 2, 0.24);
        return;
    case PHI_SHAPE_OCTAGON:
        polygon(cairo, 8, 0.97, M_PI / 8, 0);
        return;
    case PHI_SHAPE_DIAMOND:
        polygon(cairo, 4, 1.05, 0, 0);
        return;
    case PHI_SHAPE_SQUARE:
        polygon(cairo, 4, 1.13, M_PI / 4, 0);
        return;
    case PHI_SHAPE_HEART:
        heart(cairo);
        return;
    case PHI_SHAPE_COUNT:
        return;
    }
}

static void question_mark(cairo_t *cairo)
{
    cairo_arc(cairo, 0, -0.25, 0.32, -M_PI, M_PI * 0.25);
    cairo_curve_to(cairo, 0.12, 0.09, 0, 0.12, 0, 0.3);
    cairo_stroke(cairo);
    cairo_arc(cairo, 0, 0.6, 0.11, 0, 2 * M_PI);
    cairo_fill(cairo);
}

static void sign_of(cairo_t *cairo, enum phi_shape shape)
{
    cairo_set_line_width(cairo, 0.19);
    switch (shape) {
    case PHI_SHAPE_CIRCLE:
        cairo_move_to(cairo, -0.45, 0.03);
        cairo_line_to(cairo, -0.12, 0.36);
        cairo_line_to(cairo, 0.48, -0.32);
        cairo_stroke(cairo);
        return;
    case PHI_SHAPE_TRIANGLE:
        cairo_move_to(cairo, 0, -0.28);
        cairo_line_to(cairo, 0, 0.26);
        cairo_stroke(cairo);
        cairo_arc(cairo, 0, 0.55, 0.11, 0, 2 * M_PI);
        cairo_fill(cairo);
        return;
    case PHI_SHAPE_OCTAGON:
        cairo_set_line_width(cairo, 0.26);
        cairo_move_to(cairo, -0.45, 0);
        cairo_line_to(cairo, 0.45, 0);
        cairo_stroke(cairo);
        return;
    case PHI_SHAPE_DIAMOND:
        cairo_set_line_width(cairo, 0.15);
        cairo_arc(cairo, 0, 0, 0.46, 0, 2 * M_PI);
        cairo_stroke(cairo);
        cairo_set_line_width(cairo, 0.13);
        cairo_move_to(cairo, 0, -0.26);
        cairo_line_to(cairo, 0, 0.02);
        cairo_line_to(cairo, 0.18, 0.14);
        cairo_stroke(cairo);
        return;
    case PHI_SHAPE_SQUARE:
        question_mark(cairo);
        return;
    case PHI_SHAPE_HEART:
        cairo_set_line_width(cairo, 0.15);
        cairo_move_to(cairo, -0.72, -0.02);
        cairo_line_to(cairo, -0.3, -0.02);
        cairo_line_to(cairo, -0.12, -0.36);
        cairo_line_to(cairo, 0.12, 0.34);
        cairo_line_to(cairo, 0.28, -0.02);
        cairo_line_to(cairo, 0.72, -0.02);
        cairo_stroke(cairo);
        return;
    case PHI_SHAPE_COUNT:
        return;
    }
}

void phi_paint_shape(cairo_t *cairo, enum phi_shape shape, double x, double y, double radius,
                     uint32_t fill, uint32_t sign)
{
    cairo_save(cairo);
    cairo_translate(cairo, x, y);
    cairo_scale(cairo, radius, radius);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
    phi_paint_colour(cairo, fill);
    body(cairo, shape);
    phi_paint_colour(cairo, sign);
    sign_of(cairo, shape);
    cairo_restore(cairo);
}
