/*
 * suites.h - declares every suite that main.c runs.
 *
 * suites.inc is written by the Makefile, SUITE(topic) for each tests/unit/test_<topic>.c, so that
 * no test file can be forgotten and one that lacks its `Suite *<topic>_suite(void)` does not link.
 */
#ifndef SUITES_H
#define SUITES_H

#include <check.h>

#define SUITE(topic) Suite *topic##_suite(void);
#include "suites.inc"
#undef SUITE

#endif
