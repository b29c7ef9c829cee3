// The demanglers of the languages that services are written in.
#ifndef CDEMANGLE_H
#define CDEMANGLE_H
#endif
