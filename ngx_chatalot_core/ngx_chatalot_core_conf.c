/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading and checking the core's settings. Every refusal names the directive; host names are resolved here, once, because
 * a worker must not wait for DNS.
 */

#include "ngx_chatalot_core_conf.h"
#include "ngx_chatalot_params.h"

#include <libpq-fe.h>
#include <sodium.h>


#define NGX_CHATALOT_NAME_MAX      100
#define NGX_CHATALOT_KEY_FILE_MAX  256


static char *ngx_chatalot_core_conninfo(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_str_t *conninfo);
static char *ngx_chatalot_core_resolve(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *host, ngx_uint_t port, ngx_str_t *address);
static u_char *ngx_chatalot_core_quote(u_char *p, const char *key,
    u_char *value, size_t len);
static char *ngx_chatalot_core_read_key(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *name, u_char *seed);
static ngx_str_t ngx_chatalot_core_copy(ngx_pool_t *pool, u_char *data,
    size_t len);
static char *ngx_chatalot_core_bounds_error(ngx_conf_t *cf,
    ngx_command_t *cmd);


void *
ngx_chatalot_core_create_main_conf(ngx_conf_t *cf)
{
    ngx_chatalot_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_chatalot_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->database_pool = NGX_CONF_UNSET_UINT;
    mcf->database_queue = NGX_CONF_UNSET_UINT;
    mcf->database_timeout = NGX_CONF_UNSET_MSEC;
    mcf->access_token_lifetime = NGX_CONF_UNSET;
    mcf->password_queue = NGX_CONF_UNSET_UINT;

    return mcf;
}


char *
ngx_chatalot_core_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_chatalot_main_conf_t  *mcf = conf;

    ngx_conf_init_uint_value(mcf->database_pool, 4);
    ngx_conf_init_uint_value(mcf->database_queue, 1024);
    ngx_conf_init_msec_value(mcf->database_timeout, 10000);
    ngx_conf_init_value(mcf->access_token_lifetime, 15 * 60);
    ngx_conf_init_uint_value(mcf->password_queue, 64);

    if (mcf->redis_prefix.data == NULL) {
        ngx_str_set(&mcf->redis_prefix, "chatalot:");
    }

    if (mcf->registration.data == NULL) {
        ngx_str_set(&mcf->registration, "invite_only");
    }

    if (mcf->community_creation.data == NULL) {
        ngx_str_set(&mcf->community_creation, "admin_only");
    }

    if (mcf->jwt_issuer.data == NULL) {
        ngx_str_set(&mcf->jwt_issuer, "chatalot");
    }

    if (mcf->jwt_audience.data == NULL) {
        ngx_str_set(&mcf->jwt_audience, "chatalot");
    }

    if (mcf->instance_name.data == NULL) {
        ngx_str_set(&mcf->instance_name, "Chatalot");
    }

    if (mcf->thread_pool_name.data == NULL) {
        ngx_str_set(&mcf->thread_pool_name, "default");
    }

    return NGX_CONF_OK;
}


void
ngx_chatalot_require(ngx_conf_t *cf)
{
    ngx_chatalot_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chatalot_module);
    mcf->used = 1;
}


ngx_int_t
ngx_chatalot_core_check_conf(ngx_conf_t *cf)
{
    const char                *missing;
    ngx_chatalot_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chatalot_module);

    if (!mcf->used) {
        return NGX_OK;
    }

    missing = (mcf->database.data == NULL) ? "chatalot_database"
            : (mcf->redis == NULL) ? "chatalot_redis"
            : (mcf->jwt_keys == NULL) ? "chatalot_jwt_key"
            : (mcf->secret_key == NULL) ? "chatalot_secret_key"
            : NULL;

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" is required in http{} by \"chatalot_api\" "
                           "and \"chatalot_websocket\"", missing);
        return NGX_ERROR;
    }

    mcf->thread_pool = ngx_thread_pool_add(cf, &mcf->thread_pool_name);

    return mcf->thread_pool ? NGX_OK : NGX_ERROR;
}


char *
ngx_chatalot_core_set_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_chatalot_main_conf_t  *mcf = conf;

    ngx_str_t  *value;

    if (mcf->database.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    return ngx_chatalot_core_conninfo(cf, cmd, &value[1], &mcf->database);
}


/*
 * Rewrites the host's connection string: names become hostaddr, and what could block or surprise in a server is set
 * unless the host set it.
 */

static char *
ngx_chatalot_core_conninfo(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_str_t *conninfo)
{
    char              *error;
    char              *rv;
    u_char            *p;
    size_t             len;
    ngx_str_t          host, address;
    ngx_uint_t         port, has_gss, has_name;
    PQconninfoOption  *options, *option;

    error = NULL;
    options = PQconninfoParse((char *) value->data, &error);

    if (options == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value in \"%V\": %s",
                           &cmd->name, error ? error : "not enough memory");
        PQfreemem(error);
        return NGX_CONF_ERROR;
    }

    ngx_str_null(&host);
    ngx_str_null(&address);
    port = 5432;
    has_gss = 0;
    has_name = 0;
    len = 128;
    rv = NGX_CONF_ERROR;

    for (option = options; option->keyword; option++) {
        if (option->val == NULL) {
            continue;
        }

        len += ngx_strlen(option->keyword) + 2 * ngx_strlen(option->val) + 4;

        if (ngx_strcmp(option->keyword, "host") == 0) {
            host.data = (u_char *) option->val;
            host.len = ngx_strlen(option->val);

        } else if (ngx_strcmp(option->keyword, "hostaddr") == 0) {
            address.data = (u_char *) option->val;
            address.len = ngx_strlen(option->val);

        } else if (ngx_strcmp(option->keyword, "port") == 0) {
            port = (ngx_uint_t) ngx_atoi((u_char *) option->val,
                                         ngx_strlen(option->val));

        } else if (ngx_strcmp(option->keyword, "gssencmode") == 0) {
            has_gss = 1;

        } else if (ngx_strcmp(option->keyword, "application_name") == 0) {
            has_name = 1;
        }
    }

    if (host.len && host.data[0] != '/' && host.data[0] != '@'
        && address.len == 0)
    {
        if (ngx_chatalot_core_resolve(cf, cmd, &host, port, &address)
            != NGX_CONF_OK)
        {
            goto done;
        }

        len += address.len * 2;

    } else {
        ngx_str_null(&address);
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        goto done;
    }

    conninfo->data = p;

    for (option = options; option->keyword; option++) {
        if (option->val) {
            p = ngx_chatalot_core_quote(p, option->keyword,
                                        (u_char *) option->val,
                                        ngx_strlen(option->val));
        }
    }

    if (address.len) {
        p = ngx_chatalot_core_quote(p, "hostaddr", address.data, address.len);
    }

    if (!has_gss) {
        p = ngx_cpymem(p, "gssencmode=disable ",
                       sizeof("gssencmode=disable ") - 1);
    }

    if (!has_name) {
        p = ngx_cpymem(p, "application_name=chatalot ",
                       sizeof("application_name=chatalot ") - 1);
    }

    *p = '\0';
    conninfo->len = p - conninfo->data;
    rv = NGX_CONF_OK;

done:

    PQconninfoFree(options);

    return rv;
}


static u_char *
ngx_chatalot_core_quote(u_char *p, const char *key, u_char *value, size_t len)
{
    size_t  i;

    p = ngx_cpymem(p, key, ngx_strlen(key));
    *p++ = '=';
    *p++ = '\'';

    for (i = 0; i < len; i++) {
        if (value[i] == '\'' || value[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = value[i];
    }

    *p++ = '\'';
    *p++ = ' ';

    return p;
}


static char *
ngx_chatalot_core_resolve(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *host,
    ngx_uint_t port, ngx_str_t *address)
{
    u_char     text[NGX_SOCKADDR_STRLEN];
    ngx_url_t  u;

    if (ngx_strlchr(host->data, host->data + host->len, ',')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" takes one host, or a list of hosts with "
                           "their addresses in \"hostaddr\"", &cmd->name);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *host;
    u.host = *host;
    u.port = (in_port_t) port;
    u.default_port = (in_port_t) port;

    if (ngx_inet_resolve_host(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"%V\": \"%V\"",
                           u.err ? u.err : "host not found", &cmd->name, host);
        return NGX_CONF_ERROR;
    }

    address->len = ngx_sock_ntop(u.addrs[0].sockaddr, u.addrs[0].socklen, text,
                                 NGX_SOCKADDR_STRLEN, 0);
    *address = ngx_chatalot_core_copy(cf->pool, text, address->len);

    return address->data ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* unix:/path · host:port · redis://[[user]:password@]host[:port][/db] */

char *
ngx_chatalot_core_set_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_chatalot_main_conf_t  *mcf = conf;

    u_char                        *p, *last, *at;
    ngx_int_t                      n;
    ngx_str_t                     *value, host;
    ngx_chatalot_redis_address_t  *redis;

    if (mcf->redis) {
        return "is duplicate";
    }

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_chatalot_redis_address_t));
    if (redis == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    p = value[1].data;
    last = p + value[1].len;

    if (value[1].len > 5 && ngx_strncmp(p, "unix:", 5) == 0) {
        redis->path = ngx_chatalot_core_copy(cf->pool, p + 5, last - p - 5);
        mcf->redis = redis;

        if (redis->path.data == NULL) {
            return NGX_CONF_ERROR;
        }

        if (redis->path.data[0] != '/' || redis->path.len > 107) {
            goto invalid;
        }

        return NGX_CONF_OK;
    }

    if (value[1].len > 8 && ngx_strncmp(p, "redis://", 8) == 0) {
        p += 8;

        /* the last one: a password may have others */

        for (at = last; at > p && at[-1] != '@'; at--) { /* void */ }

        if (at > p) {
            u_char  *colon;

            at--;

            colon = ngx_strlchr(p, at, ':');
            if (colon == NULL) {
                goto invalid;
            }

            redis->username = ngx_chatalot_core_copy(cf->pool, p, colon - p);
            redis->password = ngx_chatalot_core_copy(cf->pool, colon + 1,
                                                     at - colon - 1);
            p = at + 1;
        }

        at = ngx_strlchr(p, last, '/');

        if (at) {
            n = (at + 1 == last) ? 0 : ngx_atoi(at + 1, last - at - 1);
            if (n == NGX_ERROR || n > 65535) {
                goto invalid;
            }

            redis->database = n;
            last = at;
        }
    }

    host.data = p;
    redis->port = 6379;

    at = ngx_strlchr(p, last, ':');

    if (at) {
        n = ngx_atoi(at + 1, last - at - 1);
        if (n < 1 || n > 65535) {
            goto invalid;
        }

        redis->port = n;
        last = at;
    }

    host.len = last - p;

    if (host.len == 0) {
        goto invalid;
    }

    mcf->redis = redis;

    return ngx_chatalot_core_resolve(cf, cmd, &host, redis->port,
                                     &redis->host);

invalid:

    /* the value is not repeated: it may hold a password */

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value in \"%V\": it takes unix:/path, "
                       "host:port or "
                       "redis://[[user]:password@]host[:port][/db]",
                       &cmd->name);

    return NGX_CONF_ERROR;
}


char *
ngx_chatalot_core_set_jwt_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_chatalot_main_conf_t  *mcf = conf;

    u_char                   seed[NGX_CHATALOT_SEED_LEN];
    u_char                   hash[crypto_hash_sha256_BYTES];
    ngx_str_t               *value;
    ngx_chatalot_jwt_key_t  *key;

    value = cf->args->elts;

    if (ngx_chatalot_core_read_key(cf, cmd, &value[1], seed) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (mcf->jwt_keys == NULL) {
        mcf->jwt_keys = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_chatalot_jwt_key_t));
        if (mcf->jwt_keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    key = ngx_array_push(mcf->jwt_keys);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    crypto_sign_seed_keypair(key->public_key, key->secret_key, seed);
    sodium_memzero(seed, sizeof(seed));

    crypto_hash_sha256(hash, key->public_key, sizeof(key->public_key));
    ngx_memcpy(key->id, hash, sizeof(key->id));

    return NGX_CONF_OK;
}


char *
ngx_chatalot_core_set_secret_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_chatalot_main_conf_t  *mcf = conf;

    ngx_str_t  *value;

    if (mcf->secret_key) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mcf->secret_key = ngx_pnalloc(cf->pool, NGX_CHATALOT_SEED_LEN);
    if (mcf->secret_key == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_chatalot_core_read_key(cf, cmd, &value[1], mcf->secret_key);
}


/* A file with 32 bytes as base64 (either alphabet, padding or not) and white space around. */

static char *
ngx_chatalot_core_read_key(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *name,
    u_char *seed)
{
    char         *rv;
    u_char        text[NGX_CHATALOT_KEY_FILE_MAX];
    size_t        len, i;
    ssize_t       n;
    ngx_str_t     path;
    ngx_file_t    file;

    if (sodium_init() < 0) {
        return "cannot initialise libsodium";
    }

    path = *name;

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.name = path;
    file.log = cf->log;
    file.fd = ngx_open_file(path.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open \"%V\" of \"%V\"", &path, &cmd->name);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_ERROR;
    n = ngx_read_file(&file, text, sizeof(text), 0);

    if (ngx_fd_info(file.fd, &file.info) != NGX_FILE_ERROR
        && (file.info.st_mode & (S_IRWXG|S_IRWXO) & ~S_IRGRP))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" of \"%V\" is a secret, but others than its "
                           "owner may use it", &path, &cmd->name);
    }

    if (n > 0 && (size_t) n < sizeof(text)) {

        for (i = 0; i < (size_t) n; i++) {
            text[i] = (text[i] == '-') ? '+'
                    : (text[i] == '_') ? '/'
                    : (text[i] == '=') ? ' ' : text[i];
        }

        if (sodium_base642bin(seed, NGX_CHATALOT_SEED_LEN, (char *) text, n,
                              " \t\r\n", &len, NULL,
                              sodium_base64_VARIANT_ORIGINAL_NO_PADDING)
            == 0 && len == NGX_CHATALOT_SEED_LEN)
        {
            rv = NGX_CONF_OK;
        }
    }

    sodium_memzero(text, sizeof(text));

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &path);
    }

    if (rv != NGX_CONF_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"%V\" does not hold 32 bytes as base64",
                           &path, &cmd->name);
    }

    return rv;
}


/* Short printable text; the NUL behind it is kept. */

char *
ngx_chatalot_core_set_name(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    size_t      i;
    ngx_int_t   n;
    ngx_str_t  *value, *field;

    field = (ngx_str_t *) (p + cmd->offset);

    if (field->data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_chatalot_utf8_count(value[1].data, value[1].len);

    if (n < 1 || n > NGX_CHATALOT_NAME_MAX) {
        goto invalid;
    }

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] < 0x20 || value[1].data[i] == 0x7f) {
            goto invalid;
        }
    }

    *field = value[1];

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\": it takes 1 to %d "
                       "printable characters",
                       &value[1], &cmd->name, NGX_CHATALOT_NAME_MAX);

    return NGX_CONF_ERROR;
}


/* One of the words that "post" lists. */

char *
ngx_chatalot_core_set_word(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t  *value, *field, *word;

    field = (ngx_str_t *) (p + cmd->offset);

    if (field->data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (word = cmd->post; word->len; word++) {
        if (word->len == value[1].len
            && ngx_strncmp(word->data, value[1].data, word->len) == 0)
        {
            *field = *word;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" in \"%V\"",
                       &value[1], &cmd->name);

    return NGX_CONF_ERROR;
}


char *
ngx_chatalot_set_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_int_t               n;
    ngx_str_t              *value;
    ngx_uint_t             *field;
    ngx_chatalot_bounds_t  *bounds;

    field = (ngx_uint_t *) (p + cmd->offset);

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    bounds = cmd->post;
    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n < bounds->min || n > bounds->max) {
        return ngx_chatalot_core_bounds_error(cf, cmd);
    }

    *field = n;

    return NGX_CONF_OK;
}


char *
ngx_chatalot_set_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    size_t                 *field;
    ssize_t                 n;
    ngx_str_t              *value;
    ngx_chatalot_bounds_t  *bounds;

    field = (size_t *) (p + cmd->offset);

    if (*field != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;
    bounds = cmd->post;
    n = ngx_parse_size(&value[1]);

    if (n == NGX_ERROR || n < bounds->min || n > bounds->max) {
        return ngx_chatalot_core_bounds_error(cf, cmd);
    }

    *field = n;

    return NGX_CONF_OK;
}


char *
ngx_chatalot_set_msec(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_int_t               n;
    ngx_str_t              *value;
    ngx_msec_t             *field;
    ngx_chatalot_bounds_t  *bounds;

    field = (ngx_msec_t *) (p + cmd->offset);

    if (*field != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;
    bounds = cmd->post;
    n = ngx_parse_time(&value[1], 0);

    if (n == NGX_ERROR || n < bounds->min || n > bounds->max) {
        return ngx_chatalot_core_bounds_error(cf, cmd);
    }

    *field = n;

    return NGX_CONF_OK;
}


char *
ngx_chatalot_core_set_seconds(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    time_t                 *field;
    ngx_int_t               n;
    ngx_str_t              *value;
    ngx_chatalot_bounds_t  *bounds;

    field = (time_t *) (p + cmd->offset);

    if (*field != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;
    bounds = cmd->post;
    n = ngx_parse_time(&value[1], 1);

    if (n == NGX_ERROR || n < bounds->min || n > bounds->max) {
        return ngx_chatalot_core_bounds_error(cf, cmd);
    }

    *field = n;

    return NGX_CONF_OK;
}


static char *
ngx_chatalot_core_bounds_error(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_str_t              *value;
    ngx_chatalot_bounds_t  *bounds;

    value = cf->args->elts;
    bounds = cmd->post;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\": it must be between "
                       "%i and %i", &value[1], &cmd->name, bounds->min,
                       bounds->max);

    return NGX_CONF_ERROR;
}


static ngx_str_t
ngx_chatalot_core_copy(ngx_pool_t *pool, u_char *data, size_t len)
{
    ngx_str_t  copy;

    copy.len = len;
    copy.data = ngx_pnalloc(pool, len + 1);

    if (copy.data) {
        ngx_memcpy(copy.data, data, len);
        copy.data[len] = '\0';
    }

    return copy;
}
