/* Lua, the interpreter, running work.lua.  Errors end the program, which
 * keeps jumps out of it (lua/setjmp.h). */
#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"
#include "setjmp.h"

#include <stdio.h>
#include <stdlib.h>

static const char script[] = {
#embed "work.lua"
};

/* No files, no processes; no coroutines, which would jump. */
static const luaL_Reg libraries[] = {
    {LUA_GNAME, luaopen_base},
    {LUA_TABLIBNAME, luaopen_table},
    {LUA_STRLIBNAME, luaopen_string},
    {LUA_MATHLIBNAME, luaopen_math},
};

void bench_throw(void)
{
    fputs("error in work.lua\n", stderr);
    exit(1);
}

int main(int argc, char **argv)
{
    lua_State *lua = luaL_newstate();
    if (!lua)
        return 1;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
    lua_pushinteger(lua, argc > 1 ? atoi(argv[1]) : 1);
    lua_setglobal(lua, "rounds");
    if (luaL_loadbuffer(lua, script, sizeof script, "=work.lua")) {
        fprintf(stderr, "%s\n", lua_tostring(lua, -1));
        return 1;
    }
    lua_call(lua, 0, 0);
    lua_close(lua);
    return 0;
}
