/* QuickJS, the JavaScript engine, running work.js. */
#include "quickjs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends with the zero that JS_Eval asks for. */
static const char script[] = {
#embed "work.js" suffix(, )
    0};

static JSValue print(JSContext *js, JSValueConst this, int argc,
                     JSValueConst *argv)
{
    const char *text = JS_ToCString(js, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    puts(text);
    JS_FreeCString(js, text);
    return JS_UNDEFINED;
}

int main(int argc, char **argv)
{
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *js = runtime ? JS_NewContext(runtime) : NULL;
    if (!js)
        return 1;
    JSValue global = JS_GetGlobalObject(js);
    JS_SetPropertyStr(js, global, "print",
                      JS_NewCFunction(js, print, "print", 1));
    JS_SetPropertyStr(js, global, "rounds",
                      JS_NewInt32(js, argc > 1 ? atoi(argv[1]) : 1));
    JSValue result =
        JS_Eval(js, script, strlen(script), "work.js", JS_EVAL_TYPE_GLOBAL);
    int failed = JS_IsException(result);
    if (failed)
        fputs("exception in work.js\n", stderr);
    JS_FreeValue(js, result);
    JS_FreeValue(js, global);
    JS_FreeContext(js);
    JS_FreeRuntime(runtime);
    return failed;
}
