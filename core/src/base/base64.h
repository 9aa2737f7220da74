/*
 * base64.h - standard base64 (RFC 4648, section 4), with padding, and canonical only. In digest.c.
 */
#ifndef CULL_BASE64_H
#define CULL_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CULL__BASE64_CHARS(bytes) (((bytes) + 2) / 3 * 4)

/* CULL__BASE64_CHARS(len) characters and a NUL into text. */
void cull__base64_encode(char *text, const uint8_t *bytes, size_t len);
/* Exactly len bytes, of CULL__BASE64_CHARS(len) characters. false: other characters, or bits left over
 * that are not zero; bytes may then hold anything. */
bool cull__base64_decode(uint8_t *bytes, size_t len, const char *text);

#endif
