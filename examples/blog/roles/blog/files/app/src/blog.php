<?php

declare(strict_types=1);

function settings(): array
{
    static $settings = null;
    return $settings ??= require '/etc/blog/config.php';
}

function database(): PDO
{
    static $database = null;
    return $database ??= new PDO(settings()['dsn'], settings()['user'], settings()['password'], [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        PDO::ATTR_EMULATE_PREPARES => false,
    ]);
}

function escape(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

/** Print a page around $main, which must be HTML already escaped. */
function show_page(string $title, string $main): void
{
    $blog = escape(settings()['title']);
    $title = escape($title);
    header('Content-Type: text/html; charset=utf-8');
    echo <<<HTML
        <!doctype html>
        <html lang="en">
        <head>
          <meta charset="utf-8">
          <meta name="viewport" content="width=device-width, initial-scale=1">
          <title>$title - $blog</title>
          <link rel="stylesheet" href="/style.css">
        </head>
        <body>
          <header><a href="/">$blog</a> <nav><a href="/write.php">Write</a> <a href="/upload.php">Uploads</a></nav></header>
          <main><h1>$title</h1>
        $main
          </main>
        </body>
        </html>

        HTML;
}

/** End the request with an error page. */
function refuse(int $status, string $reason): never
{
    http_response_code($status);
    show_page('Sorry', '<p>' . escape($reason) . '</p>');
    exit;
}

/** Only people who know the team's token may change the blog. */
function require_token(): void
{
    $given = $_POST['token'] ?? '';
    if (!is_string($given) || !hash_equals(settings()['form_token'], $given)) {
        refuse(403, 'This token is not valid.');
    }
}

/** One line of text from the form, without control characters, within $limit characters. */
function posted_line(string $field, int $limit): string
{
    return mb_substr(preg_replace('/[[:cntrl:]]+/u', ' ', posted_text($field)) ?? '', 0, $limit);
}

function posted_text(string $field): string
{
    $value = $_POST[$field] ?? '';
    if (!is_string($value) || trim($value) === '' || !mb_check_encoding($value, 'UTF-8')) {
        refuse(400, "The field $field is empty or not text.");
    }
    return trim($value);
}

function log_event(string $event): void
{
    openlog('blog', LOG_ODELAY, LOG_LOCAL3);
    syslog(LOG_INFO, $event);
}
