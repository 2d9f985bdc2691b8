<?php

declare(strict_types=1);

const UPLOAD_TYPES = [
    'jpg' => 'image/jpeg',
    'jpeg' => 'image/jpeg',
    'png' => 'image/png',
    'pdf' => 'application/pdf',
    'txt' => 'text/plain',
];

/** Store an entry of $_FILES under the name that it is served by. */
function store_upload(array $file): string
{
    if (!is_string($file['name']) || $file['error'] !== UPLOAD_ERR_OK) {
        refuse(400, 'The file did not arrive.');
    }
    $name = upload_name($file['name']);
    if (!type_matches($name, $file['tmp_name'])) {
        refuse(415, 'Only JPEG, PNG, PDF and text files are kept.');
    }
    $target = settings()['uploads'] . '/' . $name;
    // link() fails where a file of this name exists: nothing is ever overwritten.
    $part = tempnam(settings()['uploads'], '.part-');
    if (!move_uploaded_file($file['tmp_name'], $part) || !chmod($part, 0640)) {
        unlink($part);
        refuse(500, 'The file could not be stored.');
    }
    $stored = @link($part, $target);
    unlink($part);
    if (!$stored) {
        refuse(409, 'A file of this name exists already.');
    }
    return $name;
}

/** A name of lower-case letters, digits, dots and hyphens that starts with a letter or digit. */
function upload_name(string $given): string
{
    $name = preg_replace('/[^a-z0-9.]+/', '-', strtolower(basename($given)));
    $name = ltrim(substr($name, -100), '.-');
    if ($name === '') {
        refuse(400, 'The file needs a name.');
    }
    return $name;
}

function type_matches(string $name, string $path): bool
{
    $expected = UPLOAD_TYPES[pathinfo($name, PATHINFO_EXTENSION)] ?? null;
    return $expected !== null && (new finfo(FILEINFO_MIME_TYPE))->file($path) === $expected;
}

/** @return list<string> */
function stored_uploads(): array
{
    $names = array_map(basename(...), glob(settings()['uploads'] . '/*') ?: []);
    sort($names);
    return $names;
}
