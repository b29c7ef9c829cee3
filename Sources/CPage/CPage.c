#include "CPage.h"

// C23, 6.10.4; clang has it in older modes as an extension. As Swift the same bytes would be an array literal, which takes
// the compiler 20 seconds for 100 kB.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char skeleton[] = {
#embed "page.html"
};

static const unsigned char style[] = {
#embed "page.css"
};

static const unsigned char script[] = {
#embed "script/dom.js"
    ,
#embed "script/model.js"
    ,
#embed "script/query.js"
    ,
#embed "script/grid.js"
    ,
#embed "script/stack.js"
    ,
#embed "script/detail.js"
    ,
#embed "script/summary.js"
    ,
#embed "script/lists.js"
    ,
#embed "script/groups.js"
    ,
#embed "script/icicle.js"
    ,
#embed "script/tree.js"
    ,
#embed "script/locks.js"
    ,
#embed "script/resources.js"
    ,
#embed "script/changes.js"
    ,
#embed "script/main.js"
};

struct page_part page_skeleton(void) { return (struct page_part){skeleton, sizeof skeleton}; }
struct page_part page_style(void) { return (struct page_part){style, sizeof style}; }
struct page_part page_script(void) { return (struct page_part){script, sizeof script}; }
