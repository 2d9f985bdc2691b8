<?php

declare(strict_types=1);
require __DIR__ . '/../src/blog.php';
require __DIR__ . '/../src/uploads.php';

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    require_token();
    $name = store_upload($_FILES['file'] ?? refuse(400, 'There is no file.'));
    log_event("upload $name stored");
    header('Location: /uploads/' . rawurlencode($name), true, 303);
    exit;
}

$items = '';
foreach (stored_uploads() as $name) {
    $items .= sprintf("<li><a href=\"/uploads/%s\">%s</a></li>\n", rawurlencode($name), escape($name));
}
show_page('Uploads', <<<HTML
    <ul>
    $items</ul>
    <form method="post" action="/upload.php" enctype="multipart/form-data">
      <label>File (JPEG, PNG, PDF or text) <input name="file" type="file" required></label>
      <label>Token <input name="token" type="password" required></label>
      <button>Upload</button>
    </form>
    HTML);
