#include "dumpcollect.h"
