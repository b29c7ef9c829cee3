#ifndef DUMPCOLLECT_H
#define DUMPCOLLECT_H
#endif
