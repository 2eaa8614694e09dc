/*
 * vyoma_ui_canvas.c - vyoma:ui/canvas: each function hands its arguments to
 * the canvas of gfx/, which checks and clamps what it draws.
 */
#include "wasi/ifaces.h"
#include "wasi/vyoma_ui.h"

#include <stdlib.h>

#define SCREENLESS_PIXELS (16u << 20) /* of all off-screen canvases */
#define COORDINATE_MAX 65536          /* of put-pixels and get-pixels */

static struct gfx_canvas *canvas_of(const cm_value *args)
{
    return ((struct ui_canvas *)args[0].rep)->canvas;
}

/* Defines a method that always succeeds; `c` is the canvas, F(i) and C(i)
 * the i-th argument as number and as colour. */
#define F(i) (args[i].f32)
#define C(i) ((uint32_t)args[i].u)
#define METHOD(name, statement)                                                \
    static vm_status name(cm_call *call, void *host, const cm_value *args,     \
                          cm_value *result)                                    \
    {                                                                          \
        struct gfx_canvas *c = canvas_of(args);                                \
        statement;                                                             \
        return VM_OK;                                                          \
    }
#define PATH gfx_canvas_path(c), gfx_canvas_matrix(c)

/* ---- state ------------------------------------------------------------- */

static vm_status save(cm_call *call, void *host, const cm_value *args,
                      cm_value *result)
{
    if (gfx_canvas_save(canvas_of(args)))
        return VM_OK;
    return cm_trap(call, "canvas.save: 64 states are saved already");
}

METHOD(restore, gfx_canvas_restore(c))
METHOD(translate, gfx_canvas_translate(c, F(1), F(2)))
METHOD(scale, gfx_canvas_scale(c, F(1), F(2)))
METHOD(rotate, gfx_canvas_rotate(c, F(1)))
METHOD(clip_rect, gfx_canvas_clip_rect(c, F(1), F(2), F(3), F(4)))
METHOD(clip_rounded_rect,
       gfx_canvas_clip_rounded_rect(c, F(1), F(2), F(3), F(4), F(5)))

/* ---- shapes ------------------------------------------------------------ */

METHOD(clear, gfx_canvas_clear(c, C(1)))
METHOD(fill_rect, gfx_canvas_fill_rect(c, F(1), F(2), F(3), F(4), C(5)))
METHOD(stroke_rect,
       gfx_canvas_stroke_rect(c, F(1), F(2), F(3), F(4), F(5), C(6)))
METHOD(fill_rounded_rect,
       gfx_canvas_fill_rounded_rect(c, F(1), F(2), F(3), F(4), F(5), C(6)))
METHOD(stroke_rounded_rect,
       gfx_canvas_stroke_rounded_rect(c, F(1), F(2), F(3), F(4), F(5), F(6),
                                      C(7)))
METHOD(fill_circle, gfx_canvas_fill_ellipse(c, F(1), F(2), F(3), F(3), C(4)))
METHOD(stroke_circle, gfx_canvas_stroke_circle(c, F(1), F(2), F(3), F(4), C(5)))
METHOD(fill_ellipse, gfx_canvas_fill_ellipse(c, F(1), F(2), F(3), F(4), C(5)))
METHOD(line, gfx_canvas_line(c, F(1), F(2), F(3), F(4), F(5), C(6)))
METHOD(shadow, gfx_canvas_shadow(c, F(1), F(2), F(3), F(4), F(5), F(6), C(7)))

/* ---- paths ------------------------------------------------------------- */

METHOD(begin_path, gfx_path_reset(gfx_canvas_path(c)))
METHOD(move_to, gfx_path_move(PATH, F(1), F(2)))
METHOD(line_to, gfx_path_line(PATH, F(1), F(2)))
METHOD(quad_to, gfx_path_quad(PATH, F(1), F(2), F(3), F(4)))
METHOD(cubic_to, gfx_path_cubic(PATH, F(1), F(2), F(3), F(4), F(5), F(6)))
METHOD(arc, gfx_path_arc(PATH, F(1), F(2), F(3), F(3), F(4), F(5)))
METHOD(add_rounded_rect,
       gfx_path_rounded_rect(PATH, F(1), F(2), F(3), F(4), F(5)))
METHOD(close_path, gfx_path_close(gfx_canvas_path(c)))
METHOD(fill_path,
       gfx_canvas_fill_path(c, (enum gfx_rule)args[1].variant.index, C(2)))
METHOD(fill_path_linear,
       gfx_canvas_fill_linear(c, F(1), F(2), F(3), F(4), C(5), C(6)))
METHOD(fill_path_radial,
       gfx_canvas_fill_radial(c, F(1), F(2), F(3), C(4), C(5)))
METHOD(stroke_path, gfx_canvas_stroke_path(c, F(1), C(2)))

/* ---- text -------------------------------------------------------------- */

static enum gfx_font font_of(const cm_value *arg)
{
    return (enum gfx_font)arg->variant.index; /* same order as in the WIT */
}

METHOD(draw_text, gfx_canvas_text(c, font_of(&args[1]), F(2), F(3), F(4),
                                  args[5].str.data, args[5].str.len, C(6)))
METHOD(draw_text_in,
       gfx_canvas_text_in(c, font_of(&args[1]), F(2), F(3), F(4), F(5),
                          (enum gfx_align)args[6].variant.index,
                          args[7].str.data, args[7].str.len, C(8)))

static vm_status measure_text(cm_call *call, void *host, const cm_value *args,
                              cm_value *result)
{
    result->f32 = gfx_text_width(font_of(&args[0]), F(1), args[2].str.data,
                                 args[2].str.len);
    return VM_OK;
}

static vm_status fit_text(cm_call *call, void *host, const cm_value *args,
                          cm_value *result)
{
    result->u = gfx_text_fit(font_of(&args[0]), F(1), args[2].str.data,
                             args[2].str.len, F(3), args[4].u != 0);
    return VM_OK;
}

static vm_status get_font_metrics(cm_call *call, void *host,
                                  const cm_value *args, cm_value *result)
{
    struct gfx_font_metrics m;
    cm_value *fields = wasi_values(call, 3);
    if (!fields)
        return wasi_no_memory(call);
    gfx_font_metrics_get(font_of(&args[0]), F(1), &m);
    fields[0].f32 = m.ascent;
    fields[1].f32 = m.descent;
    fields[2].f32 = m.line_height;
    result->list.items = fields;
    result->list.len = 3;
    return VM_OK;
}

/* ---- pixels ------------------------------------------------------------ */

static vm_status draw_canvas(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    struct gfx_canvas *c = canvas_of(args), *source = canvas_of(args + 1);
    if (c == source)
        return cm_trap(call, "canvas.draw-canvas: a canvas on itself");
    gfx_canvas_image_draw(c, gfx_canvas_image(source),
                          (struct gfx_rectf){F(2), F(3), F(4), F(5)},
                          (struct gfx_rectf){F(6), F(7), F(8), F(9)}, F(10));
    return VM_OK;
}

/* Bytes of a rectangle, or 0 when it is out of range. */
static size_t rect_bytes(const cm_value *args)
{
    bool near = args[1].s >= -COORDINATE_MAX && args[1].s <= COORDINATE_MAX &&
                args[2].s >= -COORDINATE_MAX && args[2].s <= COORDINATE_MAX;
    if (!near || args[3].u > GFX_SIDE_MAX || args[4].u > GFX_SIDE_MAX)
        return 0;
    return args[3].u * args[4].u * 4;
}

static vm_status put_pixels(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    size_t bytes = rect_bytes(args);
    if (args[5].bytes.len != bytes)
        return cm_trap(call,
                       "canvas.put-pixels: %zu bytes for %llu x %llu pixels "
                       "of 4 bytes, sides at most %d",
                       args[5].bytes.len, (unsigned long long)args[3].u,
                       (unsigned long long)args[4].u, GFX_SIDE_MAX);
    if (bytes)
        gfx_canvas_put_pixels(canvas_of(args), (int)args[1].s, (int)args[2].s,
                              (int)args[3].u, (int)args[4].u,
                              args[5].bytes.data);
    return VM_OK;
}

static vm_status get_pixels(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    size_t bytes = rect_bytes(args);
    uint8_t *data = cm_alloc(call, bytes ? bytes : 1);
    if (!data)
        return wasi_no_memory(call);
    if (bytes)
        gfx_canvas_get_pixels(canvas_of(args), (int)args[1].s, (int)args[2].s,
                              (int)args[3].u, (int)args[4].u, data);
    result->bytes.data = data;
    result->bytes.len = bytes;
    return VM_OK;
}

/* ---- canvases off the screen ------------------------------------------- */

static void screenless_finish(void *self)
{
    struct ui_canvas *c = self;
    c->display->pixels -= (size_t)c->image.width * (size_t)c->image.height;
    gfx_canvas_destroy(c->canvas);
    gfx_image_finish(&c->image);
    wasi_release(c->display);
    free(c);
}

static vm_status constructor(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    struct vyoma_display *d = vyoma_display_get(host);
    uint64_t w = args[0].u, h = args[1].u;
    if (w < 1 || h < 1 || w > GFX_SIDE_MAX || h > GFX_SIDE_MAX)
        return cm_trap(call, "canvas of %llu x %llu pixels: 1 to %d are valid",
                       (unsigned long long)w, (unsigned long long)h,
                       GFX_SIDE_MAX);
    if (!d || d->pixels + w * h > SCREENLESS_PIXELS)
        return cm_trap(call, "canvases off the screen exceed %u pixels",
                       SCREENLESS_PIXELS);
    struct ui_canvas *c = wasi_object_create(sizeof *c, screenless_finish);
    if (!c)
        return wasi_no_memory(call);
    c->display = wasi_retain(d);
    c->canvas = gfx_canvas_create();
    if (!c->canvas || !gfx_image_init(&c->image, (int)w, (int)h)) {
        wasi_release(c);
        return wasi_no_memory(call);
    }
    d->pixels += w * h;
    gfx_canvas_bind(c->canvas, c->image);
    return wasi_own(call, result, c);
}

const cm_host_interface vyoma_iface_canvas = {
    .name = "vyoma:ui/canvas",
    .funcs =
        (const cm_host_func[]){
            {"[constructor]canvas", constructor},
            {"[method]canvas.save", save},
            {"[method]canvas.restore", restore},
            {"[method]canvas.translate", translate},
            {"[method]canvas.scale", scale},
            {"[method]canvas.rotate", rotate},
            {"[method]canvas.clip-rect", clip_rect},
            {"[method]canvas.clip-rounded-rect", clip_rounded_rect},
            {"[method]canvas.clear", clear},
            {"[method]canvas.fill-rect", fill_rect},
            {"[method]canvas.stroke-rect", stroke_rect},
            {"[method]canvas.fill-rounded-rect", fill_rounded_rect},
            {"[method]canvas.stroke-rounded-rect", stroke_rounded_rect},
            {"[method]canvas.fill-circle", fill_circle},
            {"[method]canvas.stroke-circle", stroke_circle},
            {"[method]canvas.fill-ellipse", fill_ellipse},
            {"[method]canvas.line", line},
            {"[method]canvas.shadow", shadow},
            {"[method]canvas.begin-path", begin_path},
            {"[method]canvas.move-to", move_to},
            {"[method]canvas.line-to", line_to},
            {"[method]canvas.quad-to", quad_to},
            {"[method]canvas.cubic-to", cubic_to},
            {"[method]canvas.arc", arc},
            {"[method]canvas.add-rounded-rect", add_rounded_rect},
            {"[method]canvas.close-path", close_path},
            {"[method]canvas.fill-path", fill_path},
            {"[method]canvas.fill-path-linear", fill_path_linear},
            {"[method]canvas.fill-path-radial", fill_path_radial},
            {"[method]canvas.stroke-path", stroke_path},
            {"[method]canvas.draw-text", draw_text},
            {"[method]canvas.draw-text-in", draw_text_in},
            {"[method]canvas.draw-canvas", draw_canvas},
            {"[method]canvas.put-pixels", put_pixels},
            {"[method]canvas.get-pixels", get_pixels},
            {"measure-text", measure_text},
            {"fit-text", fit_text},
            {"get-font-metrics", get_font_metrics},
            {0}},
    .resources = (const cm_host_resource[]){{"canvas", wasi_drop}, {0}},
};
