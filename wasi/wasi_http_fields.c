/* wasi_http_fields.c - wasi:http/types: fields and error codes. */
#include "wasi/wasi_http.h"

#include <errno.h>
#include <string.h>

/* ---- error-code -------------------------------------------------------- */

/* What a case carries; all we know of is TLS's alert. */
typedef enum payload {
    NONE,
    OPTION,          /* option<...>: none */
    DNS,             /* record of two options */
    TLS,             /* the same shape */
    FIELD_SIZE,      /* the same shape */
    OPTION_OF_FIELD, /* option<field-size-payload>: none */
} payload;

static const uint8_t payloads[HTTP_ERROR_COUNT] = {
    [HTTP_DNS_ERROR] = DNS,
    [HTTP_TLS_ALERT_RECEIVED] = TLS,
    [HTTP_REQUEST_BODY_SIZE] = OPTION,
    [HTTP_REQUEST_HEADER_SECTION_SIZE] = OPTION,
    [HTTP_REQUEST_HEADER_SIZE] = OPTION_OF_FIELD,
    [HTTP_REQUEST_TRAILER_SECTION_SIZE] = OPTION,
    [HTTP_REQUEST_TRAILER_SIZE] = FIELD_SIZE,
    [HTTP_RESPONSE_HEADER_SECTION_SIZE] = OPTION,
    [HTTP_RESPONSE_HEADER_SIZE] = FIELD_SIZE,
    [HTTP_RESPONSE_BODY_SIZE] = OPTION,
    [HTTP_RESPONSE_TRAILER_SECTION_SIZE] = OPTION,
    [HTTP_RESPONSE_TRAILER_SIZE] = FIELD_SIZE,
    [HTTP_RESPONSE_TRANSFER_CODING] = OPTION,
    [HTTP_RESPONSE_CONTENT_CODING] = OPTION,
    [HTTP_INTERNAL_ERROR] = OPTION,
};

/* record { option<u8>, option<string> } */
static void lower_alert(uint8_t alert, cm_value *fields, cm_value *room)
{
    room[0].u = alert;
    room[1] = wasi_string(tls_alert_text(alert));
    for (int i = 0; i < 2; i++) {
        fields[i].variant.index = 1;
        fields[i].variant.payload = room + i;
    }
}

bool http_error_lower(cm_call *call, http_error error, uint8_t alert,
                      cm_value *out)
{
    *out = (cm_value){.variant = {.index = (uint64_t)error - 1}};
    payload kind = payloads[error];
    if (kind == NONE)
        return true;
    cm_value *values = wasi_values(call, 5);
    if (!values)
        return false;
    out->variant.payload = values; /* zeroed: an option that is none */
    if (kind == DNS || kind == TLS || kind == FIELD_SIZE) {
        values->list.items = values + 1;
        values->list.len = 2;
    }
    if (kind == TLS && alert)
        lower_alert(alert, values + 1, values + 3);
    return true;
}

vm_status http_error_result(cm_call *call, cm_value *result, http_error error)
{
    cm_value code;
    return http_error_lower(call, error, 0, &code) ? cm_err(call, result, &code)
                                                   : wasi_no_memory(call);
}

vm_status http_failure_result(cm_call *call, cm_value *result,
                              const http_conn *conn)
{
    cm_value code;
    return http_error_lower(call, conn->error, conn->tls_alert, &code)
               ? cm_err(call, result, &code)
               : wasi_no_memory(call);
}

int http_failure_errno(const http_conn *conn)
{
    return HTTP_ERRNO + ((int)conn->error | conn->tls_alert << 8);
}

HTTP_FN(http_error_code)
{
    const wasi_error *error = args[0].rep;
    int number = error->number - HTTP_ERRNO, code = number & 0xff;
    cm_value value;
    if (number <= HTTP_OK || code >= HTTP_ERROR_COUNT)
        return cm_some(call, result, NULL);
    return http_error_lower(call, (http_error)code, (uint8_t)(number >> 8),
                            &value)
               ? cm_some(call, result, &value)
               : wasi_no_memory(call);
}

/* ---- fields ------------------------------------------------------------ */

/* header-error; 0.2 has no word for the last and traps. */
enum { INVALID_SYNTAX, FORBIDDEN, IMMUTABLE, SIZE_EXCEEDED };

static vm_status header_error(cm_call *call, cm_value *result, int code)
{
    return wasi_err_enum(call, result, (uint64_t)code);
}

/* -1 when the name may be used. */
static int bad_name(const cm_value *name)
{
    if (!http_is_token(name->str.data, name->str.len))
        return INVALID_SYNTAX;
    return http_is_forbidden(name->str.data, name->str.len) ? FORBIDDEN : -1;
}

static bool bad_value(const cm_value *value)
{
    return !http_is_value(value->bytes.data, value->bytes.len);
}

int http_may_change(const http_fields *fields, const cm_value *name)
{
    return fields->immutable ? IMMUTABLE : bad_name(name);
}

/* A name keeps the spelling that it came with first.  *bad is SIZE_EXCEEDED
 * where that is `told`. */
static vm_status add(cm_call *call, http_fields *fields, const cm_value *name,
                     const cm_value *value, bool told, int *bad)
{
    size_t at = 0;
    const http_field *first =
        http_fields_find(fields, name->str.data, name->str.len, &at);
    int error =
        http_fields_add(fields, first ? first->text : name->str.data,
                        name->str.len, value->bytes.data, value->bytes.len);
    if (error == E2BIG && told)
        *bad = SIZE_EXCEEDED;
    else if (error == E2BIG)
        return cm_trap(call, "header fields exceed their limit of %d bytes",
                       HTTP_FIELDS_MAX);
    else if (error)
        return wasi_no_memory(call);
    return VM_OK;
}

/* result<_, header-error> */
static vm_status changed(cm_call *call, cm_value *result, int bad)
{
    return bad >= 0 ? header_error(call, result, bad)
                    : cm_ok(call, result, NULL);
}

HTTP_FN(fields_new)
{
    wasi_ctx *ctx = host;
    return wasi_own(call, result, http_fields_create(&ctx->http_budget));
}

static vm_status from_list(cm_call *call, wasi_ctx *ctx, const cm_value *list,
                           bool told, cm_value *result)
{
    http_fields *fields = http_fields_create(&ctx->http_budget);
    vm_status status = fields ? VM_OK : wasi_no_memory(call);
    int bad = -1;
    for (size_t i = 0; status == VM_OK && bad < 0 && i < list->list.len; i++) {
        const cm_value *pair = list->list.items[i].list.items;
        bad = bad_name(&pair[0]);
        if (bad < 0 && bad_value(&pair[1]))
            bad = INVALID_SYNTAX;
        if (bad < 0)
            status = add(call, fields, &pair[0], &pair[1], told, &bad);
    }
    if (status == VM_OK && bad < 0)
        return wasi_ok_own(call, result, fields);
    wasi_release(fields);
    return status == VM_OK ? header_error(call, result, bad) : status;
}

HTTP_FN(fields_from_list)
{
    return from_list(call, host, args, false, result);
}

HTTP_FN(fields_from_list_told)
{
    return from_list(call, host, args, true, result);
}

static cm_value value_of(const http_field *field)
{
    const char *value = field->text + field->name_len;
    return (cm_value){
        .bytes = {.data = (const uint8_t *)value, .len = field->value_len}};
}

vm_status http_fields_copy_values(cm_call *call, const http_fields *fields,
                                  const cm_value *name, cm_value *result)
{
    const cm_value args[2] = {{.rep = (void *)fields}, *name};
    vm_status status = wasi_http_fields_get(call, NULL, args, result);
    for (size_t i = 0; status == VM_OK && i < result->list.len; i++) {
        cm_value *value = &result->list.items[i];
        uint8_t *copy = cm_alloc(call, value->bytes.len + 1);
        if (!copy)
            return wasi_no_memory(call);
        memcpy(copy, value->bytes.data, value->bytes.len);
        value->bytes.data = copy;
    }
    return status;
}

/* The values are views of the fields, which stand still meanwhile. */
HTTP_FN(fields_get)
{
    const http_fields *fields = args[0].rep;
    cm_value *items = wasi_values(call, fields->count);
    const http_field *field;
    size_t at = 0, count = 0;
    if (!items)
        return wasi_no_memory(call);
    while ((field = http_fields_find(fields, args[1].str.data, args[1].str.len,
                                     &at)))
        items[count++] = value_of(field);
    result->list.items = items;
    result->list.len = count;
    return VM_OK;
}

HTTP_FN(fields_has)
{
    size_t at = 0;
    result->u = http_fields_find(args[0].rep, args[1].str.data, args[1].str.len,
                                 &at) != NULL;
    return VM_OK;
}

static vm_status set(cm_call *call, const cm_value *args, bool told,
                     cm_value *result)
{
    http_fields *fields = args[0].rep;
    const cm_value *values = args[2].list.items;
    int bad = http_may_change(fields, &args[1]);
    for (size_t i = 0; bad < 0 && i < args[2].list.len; i++)
        if (bad_value(&values[i]))
            bad = INVALID_SYNTAX;
    if (bad >= 0)
        return header_error(call, result, bad);
    http_fields_remove(fields, args[1].str.data, args[1].str.len);
    for (size_t i = 0; bad < 0 && i < args[2].list.len; i++) {
        vm_status status = add(call, fields, &args[1], &values[i], told, &bad);
        if (status != VM_OK)
            return status;
    }
    return changed(call, result, bad);
}

HTTP_FN(fields_set)
{
    return set(call, args, false, result);
}

HTTP_FN(fields_set_told)
{
    return set(call, args, true, result);
}

HTTP_FN(fields_delete)
{
    http_fields *fields = args[0].rep;
    int bad = http_may_change(fields, &args[1]);
    if (bad >= 0)
        return header_error(call, result, bad);
    http_fields_remove(fields, args[1].str.data, args[1].str.len);
    return cm_ok(call, result, NULL);
}

static vm_status append(cm_call *call, const cm_value *args, bool told,
                        cm_value *result)
{
    http_fields *fields = args[0].rep;
    vm_status status = VM_OK;
    int bad = http_may_change(fields, &args[1]);
    if (bad < 0 && bad_value(&args[2]))
        bad = INVALID_SYNTAX;
    if (bad < 0)
        status = add(call, fields, &args[1], &args[2], told, &bad);
    return status == VM_OK ? changed(call, result, bad) : status;
}

HTTP_FN(fields_append)
{
    return append(call, args, false, result);
}

HTTP_FN(fields_append_told)
{
    return append(call, args, true, result);
}

HTTP_FN(fields_entries)
{
    const http_fields *fields = args[0].rep;
    cm_value *items = wasi_values(call, fields->count);
    cm_value *pairs = wasi_values(call, fields->count * 2);
    if (!items || !pairs)
        return wasi_no_memory(call);
    for (size_t i = 0; i < fields->count; i++, pairs += 2) {
        const http_field *field = &fields->items[i];
        pairs[0].str.data = field->text;
        pairs[0].str.len = field->name_len;
        pairs[1] = value_of(field);
        items[i].list.items = pairs;
        items[i].list.len = 2;
    }
    result->list.items = items;
    result->list.len = fields->count;
    return VM_OK;
}

HTTP_FN(fields_clone)
{
    wasi_ctx *ctx = host;
    const http_fields *from = args[0].rep;
    http_fields *to = http_fields_clone(from, &ctx->http_budget);
    if (!to)
        return cm_trap(call,
                       "header fields exceed the guest's limit of %d "
                       "bytes",
                       HTTP_BUDGET);
    return wasi_own(call, result, to);
}
